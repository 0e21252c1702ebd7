"""Films and labels on disk."""

from dataclasses import fields
from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq
import pytest

from model.synthetic.archive import ArchiveConfig, archive_film, write_archive
from model.synthetic.film import Label

_SMALL = ArchiveConfig(sizes_px=((160, 120), (192, 108)), seconds=(0.4, 0.6), manipulated_share=0.5)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Label]]:
    folder = tmp_path_factory.mktemp("archive")
    return folder, write_archive(folder, 3, seed=1, config=_SMALL)


def test_an_archive_holds_films_that_decode(written: tuple[Path, list[Label]]) -> None:
    folder, _ = written
    assert sorted(path.name for path in folder.iterdir()) == [
        "000.mp4",
        "001.mp4",
        "002.mp4",
        "labels.parquet",
    ]
    for number in range(3):
        film = archive_film(1, number, 3, _SMALL)
        with av.open(str(folder / film.name)) as container:
            decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
            assert container.streams.video[0].codec_context.name == "h264"
            assert container.streams.video[0].average_rate == film.fps
        drawn = [picture for picture, _ in film.pictures()]
        assert len(decoded) == len(drawn)
        # compression changes pixels a little, another picture a lot
        assert np.abs(decoded[0].astype(int) - drawn[0]).mean() < 8


def test_the_labels_are_on_disk_as_returned(written: tuple[Path, list[Label]]) -> None:
    folder, labels = written
    table = pq.read_table(folder / "labels.parquet")
    assert table.column_names == [field.name for field in fields(Label)]
    rows = table.to_pylist()
    assert len(rows) == len(labels) > 0
    assert rows[0]["action_units"] == list(labels[0].action_units)
    assert rows[0]["attributes"] == list(labels[0].attributes)
    assert [row["manipulation"] for row in rows] == [label.manipulation for label in labels]


def test_the_last_film_has_no_face_and_the_second_a_cut(written: tuple[Path, list[Label]]) -> None:
    _, labels = written
    assert {label.file for label in labels} == {"000.mp4", "001.mp4"}
    assert len({label.start_s for label in labels if label.file == "001.mp4"}) == 2


def test_a_seed_gives_the_same_pictures_and_labels(written: tuple[Path, list[Label]]) -> None:
    first, again, other = (archive_film(seed, 0, 3, _SMALL) for seed in (1, 1, 2))
    assert first.labels() == again.labels() == [label for label in written[1] if label.file == "000.mp4"]
    (picture, _), (same, _), (different, _) = (next(film.pictures()) for film in (first, again, other))
    assert np.array_equal(picture, same)
    assert picture.shape != different.shape or not np.array_equal(picture, different)


def test_films_drawn_at_once_are_the_same(written: tuple[Path, list[Label]], tmp_path: Path) -> None:
    assert write_archive(tmp_path, 3, seed=1, config=_SMALL, processes=2) == written[1]
