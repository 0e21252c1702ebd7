"""A small archive of films with known truth: the sample that everything else is tried on."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from multiprocessing import get_context
from pathlib import Path

import cv2
from numpy.random import default_rng

from model.synthetic.film import Film, Label, sample_film
from model.synthetic.mp4 import write_mp4

SIZES_PX = ((320, 240), (426, 240), (480, 360), (640, 360), (640, 480), (854, 480), (1280, 720))


@dataclass(frozen=True, slots=True)
class ArchiveConfig:
    """What an archive holds."""

    sizes_px: tuple[tuple[int, int], ...] = SIZES_PX
    """Widths and heights, even; films take them in turn."""
    seconds: tuple[float, float] = (2.0, 6.0)
    """Shortest and longest film."""
    people: tuple[float, ...] = (0.55, 0.3, 0.15)
    """Shares of films with one, two, ... faces at a time."""
    manipulated_share: float = 0.3
    """Share of the faces that are forgeries."""


def write_archive(
    out_dir: Path, videos: int, seed: int, config: ArchiveConfig | None = None, processes: int = 1
) -> list[Label]:
    """Write films `000.mp4`, `001.mp4`, ... and `labels.parquet` into a folder, and return the labels.

    The last of three or more films has no face; the second and every third one after it has a cut. The
    pictures depend on seed and config alone, the bytes of the files do not (see `write_mp4`).

    Args:
        out_dir: Made if it does not exist.
        videos: Number of films.
        seed: Of everything random.
        config: What the films are like.
        processes: How many films are drawn at once; with more than one a script needs its `__main__` guard.
    """
    config = config or ArchiveConfig()
    out_dir.mkdir(parents=True, exist_ok=True)
    films = [_Task(out_dir, seed, number, videos, config) for number in range(videos)]
    if processes > 1:
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            written = list(pool.map(_write_film, films))
    else:
        written = [_write_film(task) for task in films]
    labels = [label for of_film in written for label in of_film]
    write_labels(out_dir / "labels.parquet", labels)
    return labels


@dataclass(frozen=True, slots=True)
class _Task:
    out_dir: Path
    seed: int
    number: int
    videos: int
    config: ArchiveConfig


def _write_film(task: _Task) -> list[Label]:
    film = archive_film(task.seed, task.number, task.videos, task.config)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # the pictures are small: OpenCV's threads cost more than they save
    try:
        pictures = (picture for picture, _ in film.pictures())
        write_mp4(task.out_dir / film.name, pictures, film.fps, film.crf)
    finally:
        cv2.setNumThreads(threads)
    return film.labels()


def archive_film(seed: int, number: int, videos: int, config: ArchiveConfig) -> Film:
    """Return one of the films of an archive, for its pictures and the truth about every frame."""
    rng = default_rng((seed, number))
    is_empty = videos >= 3 and number == videos - 1
    return sample_film(
        rng,
        f"{number:03d}.mp4",
        size_px=config.sizes_px[(seed + number) % len(config.sizes_px)],
        seconds=float(rng.uniform(*config.seconds)),
        people=0 if is_empty else 1 + int(rng.choice(len(config.people), p=config.people)),
        has_cut=number % 3 == 1,
        manipulated_share=config.manipulated_share,
    )


def write_labels(path: Path, labels: Sequence[Label]) -> None:
    """Write labels as Parquet, one row each, tuples as lists of strings."""
    import pyarrow as pa  # noqa: PLC0415 - the rest of model runs without Arrow
    import pyarrow.parquet as pq  # noqa: PLC0415

    kinds = {
        "file": pa.string(),
        "face": pa.int64(),
        "expression": pa.string(),
        "action_units": pa.list_(pa.string()),
        "attributes": pa.list_(pa.string()),
        "age_years": pa.int64(),
        "is_manipulated": pa.bool_(),
        "manipulation": pa.string(),
    }
    schema = pa.schema([(field.name, kinds.get(field.name, pa.float64())) for field in fields(Label)])
    pq.write_table(pa.Table.from_pylist([asdict(label) for label in labels], schema=schema), path)
