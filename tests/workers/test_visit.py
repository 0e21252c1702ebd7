from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from storage import records
from storage.archive import Fetched
from tests.workers.made_faces import made_face, picture, sighted
from tests.workers.readings import WholeReading, whole_reading
from workers.failure import SourceError
from workers.reading import Chunk, ReaderConfig, RowIds
from workers.sight import Sight
from workers.tracking.tracker import TrackerConfig
from workers.video.frames import Facts
from workers.visit import Visit

FPS = 8
FETCHED = Fetched("ab" * 32, Path("v.mp4"), 1, "1", is_spooled=False)
CONFIG = ReaderConfig(chunk_rows=20, tracker=TrackerConfig(young_s=1.0))


def facts(frames: int) -> Facts:
    return Facts(
        container="mp4",
        codec="h264",
        pixel_format="yuv420p",
        width_px=640,
        height_px=360,
        fps=float(FPS),
        duration_s=frames / FPS,
        rotation_deg=0,
        sample_aspect_ratio="1:1",
        time_base=f"1/{FPS}",
        start_pts=0,
        decoder="made",
        frames_decoded=frames,
        frames_sampled=frames,
        packets_damaged=0,
        is_partial=False,
        partial_reason=None,
    )


def sight(number: int) -> Sight:
    """Two people who sway for ever; one of them is gone now and then."""
    places = {1: (100.0 + number % 7, 100.0, 64.0, 80.0), 2: (400.0 - number % 5, 120.0, 64.0, 80.0)}
    image = picture(places)
    shown = [place for person, place in places.items() if person == 1 or number % 50 > 4]
    faces = tuple(sighted(made_face(place), image) for place in shown)
    return Sight(number, number, number / FPS, None, faces)


def visit(config: ReaderConfig, frames: int, recipe_id: str = "recipe") -> tuple[list[int], WholeReading]:
    """Return how many rows and boxes were held after each frame, and what came of them."""
    made = Visit(config, fetched=FETCHED, ids=RowIds(recipe_id, "a", "s"), uri="v.mp4", duration_s=None)
    tracker = made._tracker  # pyright: ignore[reportPrivateUsage]
    held: list[int] = []
    parts: list[Chunk | records.Video] = []
    for number in range(frames):
        parts += made.add(sight(number))
        tracks = tracker._tracks.values()  # pyright: ignore[reportPrivateUsage]
        final = made._final  # pyright: ignore[reportPrivateUsage]
        held.append(sum(len(track.seen) for track in tracks) + len(final))
    parts += made.finish()
    parts.append(made.video(facts(frames), 1.0))
    return held, whole_reading(parts)


@pytest.fixture(scope="module")
def whole() -> WholeReading:
    return visit(replace(CONFIG, chunk_rows=1 << 20), 240)[1]


def test_people_who_stay_for_ever_are_not_remembered_for_ever(whole: WholeReading) -> None:
    held, reading = visit(CONFIG, 240)
    assert max(held) < 3 * CONFIG.chunk_rows
    assert len(reading.rows_of_boxes) == reading.video.faces > 400
    assert (reading.video.tracks, reading.video.clips) == (2, 8)
    assert [track.gaps for track in reading.tracks] == [0, 4]
    # And nothing else has changed.
    assert reading.tracks == whole.tracks
    assert reading.shots == whole.shots
    assert set(reading.rows_of_boxes) == set(whole.rows_of_boxes)
    assert replace(reading.video, committed_at=whole.video.committed_at) == whole.video


def test_boxes_come_in_order_of_time_in_every_track() -> None:
    _, reading = visit(CONFIG, 120)
    for track in reading.tracks:
        frames = [box.frame_index for box in reading.rows_of_boxes if box.track_id == track.track_id]
        assert frames == sorted(set(frames))
        assert (frames[0], frames[-1], len(frames)) == (track.start_frame, track.end_frame, track.frames)
        assert np.isclose(track.quality, 0.5)


def test_a_row_that_does_not_fit_is_a_failure_of_the_commit() -> None:
    with pytest.raises(SourceError, match="do not fit the table") as caught:
        visit(CONFIG, 60, recipe_id="half a character \ud800")
    assert caught.value.stage == "commit"
