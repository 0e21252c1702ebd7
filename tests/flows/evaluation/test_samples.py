"""Where the pictures of samples are: frames that are taken out of videos, and videos made of pictures."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flows.evaluation.samples import locate
from model.datasets.sample import Sample
from model.synthetic.mp4 import write_mp4
from tests.workers.videos import number_of, numbered
from workers.video.decoder import Decoder, DecoderConfig


def shown(path: Path) -> int:
    """Return the number that a picture, or the first one of a video, shows."""
    if path.suffix == ".png":
        with Image.open(path) as picture:
            return number_of(np.asarray(picture))
    with Decoder(DecoderConfig(sample_fps=8)).open(path) as frames:
        return number_of(next(iter(frames)).image)


def write(media: Path, number: int) -> None:
    media.parent.mkdir(parents=True, exist_ok=True)
    if media.suffix:
        write_mp4(media, [numbered(number)] * 3, 8)
    else:
        media.mkdir(exist_ok=True)
        for name in ("1.jpg", "2.jpg"):
            Image.fromarray(numbered(number)).save(media / name)


@pytest.mark.parametrize("name", ["LeftVideoSN001_comp.mp4", "00001"], ids=["frames of a video", "a folder"])
def test_what_was_taken_from_another_file_is_not_taken_for_this_ones(name: str, tmp_path: Path) -> None:
    def find(root: str) -> Path:
        media = tmp_path / root / name
        frames, fps = ((1, 1), None) if media.suffix else (None, 8.0)
        sample = Sample("a", media, "video", "anger", "test", "a", frames=frames, fps=fps)
        return Path(locate([sample], tmp_path / "out", lambda _: None).listed["a"].uri)

    write(tmp_path / "data" / name, 11)
    first = find("data")
    assert shown(first) == 11
    kept = first.stat().st_mtime_ns
    assert find("data") == first
    assert first.stat().st_mtime_ns == kept
    write(tmp_path / "data" / name, 22)  # mended in its place
    assert shown(find("data")) == 22
    write(tmp_path / "other" / name, 33)
    assert shown(find("other")) == 33


def test_a_folder_that_takes_nothing_is_no_fault_of_the_samples(tmp_path: Path) -> None:
    media, taken = tmp_path / "data" / "film.mp4", tmp_path / "out"
    write(media, 11)
    taken.touch()
    sample = Sample("a", media, "video", "anger", "test", "a", frames=(1, 1))
    with pytest.raises(NotADirectoryError):
        locate([sample], taken, lambda _: None)
