from dataclasses import replace

import numpy as np
import pytest

from tests.workers.made_faces import made_face, picture
from workers.faces.appearance import Gallery, look_of
from workers.tracking.track import FaceTrack, Seen, box_rows, track_row

IDS = ("9f86d081884c7d65" * 4, "1b4f0e98" * 8, "attempt")


def made_track(index: int, frames: list[int]) -> FaceTrack:
    face = made_face((10, 20, 80, 100), quality=0.25)
    sharper = made_face((12, 20, 80, 100), quality=0.75)
    seen = [Seen(n, n * 512, n / 25, face if n % 2 else sharper) for n in frames]
    return FaceTrack(index, 2, seen, Gallery(look_of(picture({1: face.box_xywh_px}), face), 4))


def test_a_track_becomes_a_row() -> None:
    row = track_row(made_track(3, [5, 6, 8, 9]), *IDS, "too small", person_index=2)
    assert row.track_id == "9f86d081884c7d65-1b4f0e98-t0003"
    assert (row.video_id, row.recipe_id, row.attempt_id) == IDS
    assert (row.shot_index, row.start_frame, row.end_frame, row.frames) == (2, 5, 9, 4)
    assert (row.start_s, row.end_s) == (0.2, 0.36)
    assert row.quality == 0.5
    assert row.no_clip_reason == "too small"
    assert row.person_id == "9f86d081884c7d65-1b4f0e98-p0002"
    assert row.embedding is None


def test_an_embedding_is_stored_only_when_it_is_wanted() -> None:
    track = made_track(3, [5])
    look = track.gallery.looks[0]
    track.gallery = Gallery(replace(look, identity=np.array([3, 4], np.float32)), 4)
    assert track_row(track, *IDS, None, person_index=0).embedding is None
    stored = track_row(track, *IDS, None, person_index=0, stores_embedding=True).embedding
    assert stored == pytest.approx((0.6, 0.8))


def test_every_face_of_a_track_becomes_a_box() -> None:
    track = made_track(3, [5, 6])
    rows = list(box_rows(3, track.seen, *IDS))
    assert [row.frame_index for row in rows] == [5, 6]
    assert [row.pts for row in rows] == [2560, 3072]
    assert (rows[1].x_px, rows[1].y_px, rows[1].w_px, rows[1].h_px) == (12, 20, 80, 100)
    assert len(rows[0].landmarks_px) == 136
    np.testing.assert_allclose(
        np.reshape(rows[0].landmarks_px, (68, 2)), track.seen[0].face.landmarks_px, rtol=1e-6
    )


def test_a_track_takes_over_a_later_part_with_all_its_indices() -> None:
    track, part, rest = made_track(0, [1, 2]), made_track(1, [5]), made_track(2, [7])
    part.take_over(rest)
    track.take_over(part)
    assert [seen.frame_index for seen in track.seen] == [1, 2, 5, 7]
    assert track.other_indices == [1, 2]


def test_what_is_handed_on_leaves_the_same_row() -> None:
    def track() -> FaceTrack:
        made = made_track(3, [5, 6, 8, 9, 14, 15])
        made.seen = [seen._replace(place=seen.frame_index) for seen in made.seen]
        return made

    whole, part = track(), track()
    assert [seen.frame_index for seen in part.hand_on(keep=2)] == [5, 6, 8, 9]
    assert (part.hand_on(keep=2), part.boxes, part.first.frame_index) == ([], 6, 5)
    later = made_track(4, [20])
    part.take_over(later)
    whole.take_over(later)
    assert [seen.frame_index for seen in part.hand_on()] == [14, 15, 20]
    row = track_row(part, *IDS, None, person_index=0)
    assert row == track_row(whole, *IDS, None, person_index=0)
    assert (row.frames, row.gaps, row.end_frame) == (7, 2, 20)
    assert row.gap_s == pytest.approx(1 / 25 + 4 / 25)
