"""Rendered films, encoded, read as a scan reads them, and kept as clips to learn from."""

import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from pydantic import TypeAdapter

from flows.training.rendered_truth import label_of
from model.synthetic.film import Label
from model.synthetic.lesson import Lesson, LessonConfig, sample_lesson
from model.synthetic.mp4 import write_mp4
from storage.archive import Take, list_sources
from storage.records import Source
from workers.clipper import ClipCut
from workers.reader import Chunk, Reader, ReaderConfig, RowIds

_reader: Reader | None = None


@dataclass(frozen=True, slots=True)
class KeptClip:
    """A clip on disk and what it shows.

    Attributes:
        name: its files are `<name>.npy` [8, S, S, 3] and `<name>-landmarks.npy` [8, 68, 2], and of its best
            frame `<name>-best.npy` [S, S, 3] and `<name>-best-landmarks.npy` [68, 2].
        label: the truth.
        seen: per frame whether the expression has built up.
    """

    name: str
    label: Label
    seen: tuple[bool, ...]


_CLIPS = TypeAdapter(list[KeptClip])


def make_clips(
    folder: Path,
    seed: int,
    *,
    lessons: int,
    until_s: float,
    processes: int,
    config: LessonConfig,
    tell: Callable[[int, int], None],
) -> list[KeptClip]:
    """Render, encode and read lessons until there are enough or time is up; those that are there count.

    Args:
        folder: of the clips.
        seed: of the lessons.
        lessons: how many at most.
        until_s: `time.monotonic()` after which none is begun.
        processes: how many are made at once.
        config: of the lessons.
        tell: called with the lessons that are there and how many there are to be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = (number for number in range(lessons) if not _list_of(folder, seed, number).exists())
    done = sum(_list_of(folder, seed, number).exists() for number in range(lessons))
    tell(done, lessons)
    # Not forked: torch and OpenCV have threads.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        running: set[Future[None]] = set()
        for number in missing:
            if time.monotonic() > until_s:
                break
            running.add(pool.submit(make_lesson, folder, seed, number, config))
            if len(running) >= 2 * processes:
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    future.result()
                done += len(finished)
                tell(done, lessons)
        for future in running:
            future.result()
    return read_clips(folder, seed, lessons)


def read_clips(folder: Path, seed: int, lessons: int) -> list[KeptClip]:
    """Return the clips of the lessons that are there, in order."""
    clips: list[KeptClip] = []
    for number in range(lessons):
        path = _list_of(folder, seed, number)
        if path.exists():
            clips += _CLIPS.validate_json(path.read_bytes())
    return clips


def make_lesson(folder: Path, seed: int, number: int, config: LessonConfig) -> None:
    """Render, encode and read one lesson, and keep its clips; a lesson is there when its list is."""
    global _reader  # noqa: PLW0603 - one per process: loading the models takes a second
    cv2.setNumThreads(1)
    _reader = _reader or Reader(ReaderConfig())
    lesson = sample_lesson(seed, number, config)
    film = lesson.film
    with tempfile.TemporaryDirectory(dir=folder) as work:
        path = Path(work) / film.name
        write_mp4(path, (picture for picture, _ in film.pictures()), film.fps, film.crf)
        cuts = list(_cuts(_reader, path))
        _reader.leave()
    kept = list(_keep(folder, f"{seed}-{number:05d}", lesson, cuts))
    part = _list_of(folder, seed, number).with_suffix(".part")
    part.write_bytes(_CLIPS.dump_json(kept))
    part.rename(_list_of(folder, seed, number))


def _cuts(reader: Reader, path: Path) -> Iterator[ClipCut]:
    (listed,) = list_sources([str(path)])
    assert isinstance(listed.fate, Take), "a film that has just been written is a video"
    values = (listed.uri, listed.size_bytes, listed.etag, listed.modified_at)
    fetched = reader.fetch(Source(*values, listed_at=datetime.now(UTC), scan_id="", recipe_id=""))
    for part in reader.read(fetched, RowIds(recipe_id="", attempt_id="", scan_id="")):
        if isinstance(part, Chunk):
            yield from part.cuts


def _keep(folder: Path, name: str, lesson: Lesson, cuts: list[ClipCut]) -> Iterator[KeptClip]:
    labels = lesson.film.labels()
    for number, (record, clip) in enumerate(cuts):
        place = label_of(record, labels)
        if place is None:
            continue
        shown_from = lesson.shown_from_s[place] * lesson.film.fps
        seen = tuple(index >= shown_from for index in record.frame_indices)
        stem = folder / f"{name}-{number:02d}"
        best = clip.best_frame
        np.save(f"{stem}.npy", clip.crops)
        np.save(f"{stem}-landmarks.npy", clip.landmarks_px)
        np.save(f"{stem}-best.npy", clip.crops[best])
        np.save(f"{stem}-best-landmarks.npy", clip.landmarks_px[best])
        yield KeptClip(stem.name, labels[place], seen)


def _list_of(folder: Path, seed: int, number: int) -> Path:
    return folder / f"{seed}-{number:05d}.json"
