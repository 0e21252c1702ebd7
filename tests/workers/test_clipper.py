import hashlib
import math
import time
from dataclasses import replace

import numpy as np
import pytest

from tests.workers.made_faces import Box, made_face, picture, sighted
from workers.clipper import ClipCut, Clipper, ClipperConfig, Ended, spread
from workers.faces.appearance import Gallery, look_of
from workers.faces.face import Face
from workers.tracking.track import FaceTrack, Seen

IDS = ("9f86d081884c7d65" * 4, "1b4f0e98" * 8, "attempt")
HERE: Box = (100.0, 80.0, 64.0, 80.0)
IMAGE = picture({1: HERE}, (320, 240))
FACE = made_face(HERE)
SEEN = sighted(FACE, IMAGE)
Clips = tuple[list[ClipCut], str | None]


def track_of(seen: list[Seen], *, index: int = 0, lasts_s: float = 10.0) -> FaceTrack:
    return FaceTrack(index, 0, seen, Gallery(look_of(IMAGE, FACE), 4), lasts_s=lasts_s)


def clip(
    faces: dict[int, Face], *, fps: float = 8.0, config: ClipperConfig | None = None, lasts_s: float = 10.0
) -> Clips:
    """Clip one track whose faces are given by frame number."""
    clipper = Clipper(config or ClipperConfig(), *IDS)
    for n, face in faces.items():
        clipper.add(n, n * 100, n / fps, [(0, sighted(face, IMAGE, config))])
    seen = [Seen(n, n * 100, n / fps, face) for n, face in faces.items()]
    return made(clipper.end(track_of(seen, lasts_s=lasts_s)))


def made(ended: Ended) -> Clips:
    """Make the clips, which is done when they are asked for."""
    return list(ended.cuts), ended.no_clip_reason


def frames_of(clips: Clips) -> list[tuple[int, ...]]:
    return [cut.record.frame_indices for cut in clips[0]]


@pytest.mark.parametrize("available", [1, 2, 3, 7, 8, 9, 15, 16, 17, 33, 48, 50])
def test_spread_is_the_training_rule(available: int) -> None:
    assert spread(available, 8) == np.linspace(0, available - 1, 8).astype(int).tolist()


def test_a_window_becomes_eight_frames_from_first_to_last() -> None:
    ended = clip(dict.fromkeys(range(16), FACE))
    assert frames_of(ended) == [(0, 2, 4, 6, 8, 10, 12, 15)]
    record = ended[0][0].record
    assert (record.start_s, record.end_s) == (0.0, 15 / 8)
    assert record.pts == tuple(n * 100 for n in record.frame_indices)
    assert ended[1] is None


def test_the_row_says_what_was_cut() -> None:
    record, cut = clip(dict.fromkeys(range(16), FACE))[0][0]
    assert record.clip_id == "9f86d081884c7d65-1b4f0e98-t0000-c00"
    assert (record.video_id, record.recipe_id, record.attempt_id) == IDS
    assert cut.crops.shape == (8, 256, 256, 3)
    assert record.crops_sha256 == hashlib.sha256(cut.crops.tobytes()).hexdigest()
    assert record.crop_xys_px == (100.0, 88.0, 64.0) * 8
    # The row's crop transform maps the frame's landmarks to the crop's.
    left, top, side = record.crop_xys_px[:3]
    mapped = (FACE.landmarks_px - [left, top]) * (256 / side)
    np.testing.assert_allclose(cut.landmarks_px[0], mapped, rtol=1e-5)
    np.testing.assert_allclose(np.reshape(record.landmarks_crop_px, (8, 68, 2)), cut.landmarks_px)


def test_the_row_of_a_turned_crop_says_by_how_much() -> None:
    config = ClipperConfig(is_aligned=True)
    assert clip({0: FACE})[0][0].record.crop_angles_deg == ()
    tilted = FACE.landmarks_px.copy()
    tilted[42:48, 1] += tilted[42, 0] - tilted[36, 0]
    record, cut = clip({0: replace(FACE, landmarks_px=tilted)}, config=config)[0][0]
    assert record.crop_angles_deg == pytest.approx([45.0] * 8)
    # The transform: the square turned clockwise about its centre.
    left, top, side = record.crop_xys_px[:3]
    a = np.radians(record.crop_angles_deg[0])
    turn = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    mapped = ((tilted - [left + side / 2, top + side / 2]) @ turn.T + side / 2) * (256 / side)
    np.testing.assert_allclose(cut.landmarks_px[0], mapped, atol=1e-3)


def test_a_still_becomes_eight_equal_frames() -> None:
    ended = clip({0: FACE}, lasts_s=math.inf)
    assert frames_of(ended) == [(0,) * 8]
    crops = ended[0][0].clip.crops
    assert (crops == crops[0]).all()


def test_a_clock_that_leaps_ahead_costs_no_more_than_its_frames() -> None:
    clipper = Clipper(ClipperConfig(stride_s=0.5), *IDS)
    begun_s = time.process_time()
    leaps_s = (0.0, 3e7, 1e8)
    for n in range(48):
        clipper.add(n, n, n % 16 / 8 + leaps_s[n // 16], [(0, SEEN)])
    clips = made(clipper.end(track_of([Seen(0, 0, 0.0, FACE)])))
    assert time.process_time() - begun_s < 10
    assert {frames[0] // 16 for frames in frames_of(clips)} == {0, 1, 2}


def test_few_frames_repeat() -> None:
    assert frames_of(clip(dict.fromkeys([0, 3, 6], FACE))) == [(0, 0, 0, 0, 3, 3, 3, 6)]


def test_the_best_window_of_each_part_of_a_track_becomes_a_clip() -> None:
    qualities = [0.1, 0.5, 0.2, 0.9, 0.7]
    faces = {n: replace(FACE, quality=qualities[n // 16]) for n in range(80)}
    ended = clip(faces, config=ClipperConfig(max_clips_per_track=3))
    assert [frames[0] for frames in frames_of(ended)] == [16, 32, 48]
    assert [cut.record.quality for cut in ended[0]] == pytest.approx([0.5, 0.2, 0.9])
    assert [cut.record.clip_index for cut in ended[0]] == [0, 1, 2]


def test_clips_of_a_long_track_spread_over_it_however_its_quality_goes() -> None:
    faces = {n: replace(FACE, quality=0.9 if 480 <= n < 560 else 0.5) for n in range(960)}
    starts = [frames[0] for frames in frames_of(clip(faces))]
    assert len(starts) == 4
    assert [start // 240 for start in starts] == [0, 1, 2, 3]
    assert 480 <= starts[2] < 560


def test_windows_overlap_when_they_start_more_often() -> None:
    ended = clip(dict.fromkeys(range(32), FACE), config=ClipperConfig(stride_s=1.0))
    assert [(frames[0], frames[-1]) for frames in frames_of(ended)] == [(0, 15), (8, 23), (16, 31)]


def test_a_short_rest_is_no_clip_beside_a_long_one() -> None:
    assert len(clip(dict.fromkeys(range(21), FACE))[0]) == 1
    assert len(clip(dict.fromkeys(range(26), FACE))[0]) == 2


def test_the_best_frame_is_that_of_the_highest_quality() -> None:
    faces = {n: replace(FACE, quality=0.9 if n == 10 else 0.3) for n in range(16)}
    record, cut = clip(faces)[0][0]
    assert record.best_frame == cut.best_frame == 5
    assert record.frame_indices[5] == 10


def test_blurred_small_and_hidden_faces_are_passed_over() -> None:
    blurred, small = replace(FACE, sharpness=1.0), made_face((100, 80, 20, 25))
    hidden = replace(FACE, occlusion=0.7)
    faces = {n: (FACE, blurred, small, hidden)[n % 4] for n in range(24)}
    assert all(n % 4 == 0 for frames in frames_of(clip(faces)) for n in frames)


@pytest.mark.parametrize(
    ("face", "lasts_s", "reason"),
    [
        (made_face((100, 80, 20, 25)), 10.0, "too small"),
        (replace(FACE, sharpness=1.0), 10.0, "too blurred"),
        (replace(FACE, occlusion=0.7), 10.0, "too hidden"),
        (FACE, 0.125, "too short"),
    ],
)
def test_a_track_without_a_clip_says_why(face: Face, lasts_s: float, reason: str) -> None:
    ended = clip({0: face, 1: face}, lasts_s=lasts_s)
    assert ended == ([], reason)


def test_memory_does_not_grow_with_the_frame_rate() -> None:
    clipper = Clipper(ClipperConfig(max_clips_per_track=2), *IDS)
    for n in range(2400):
        clipper.add(n, n, n / 240, [(0, SEEN)])
    (windows,) = clipper._windows.values()  # pyright: ignore[reportPrivateUsage]
    kept = [cut for window in windows.opened for cut in window.cuts]
    kept += [cut for candidate in windows.best.values() for cut in candidate.cuts]
    assert len({id(cut) for cut in kept}) <= 32 + 2 * 2 * 8


def test_parts_of_a_track_under_other_indices_are_its_clips_too() -> None:
    clipper = Clipper(ClipperConfig(), *IDS)
    for n in range(32):
        clipper.add(n, n * 100, n / 8, [(0 if n < 16 else 3, SEEN)])
    track = track_of([Seen(n, n * 100, n / 8, FACE) for n in range(32)])
    track.other_indices = [3]
    ended = made(clipper.end(track))
    assert [frames[0] for frames in frames_of(ended)] == [0, 16]
    assert {cut.record.track_id for cut in ended[0]} == {"9f86d081884c7d65-1b4f0e98-t0000"}


def test_tracks_do_not_mix() -> None:
    clipper = Clipper(ClipperConfig(), *IDS)
    there = made_face((200, 80, 64, 80))
    for n in range(16):
        clipper.add(n, n * 100, n / 8, [(0, SEEN), (1, sighted(there, IMAGE))])
    cuts = made(clipper.end(track_of([Seen(0, 0, 0.0, there)], index=1)))[0]
    assert {cut.record.crop_xys_px[:3] for cut in cuts} == {(200.0, 88.0, 64.0)}


def test_a_spurious_track_has_no_clips() -> None:
    clipper = Clipper(ClipperConfig(), *IDS)
    clipper.add(0, 0, 0.0, [(0, SEEN)])
    track = track_of([Seen(0, 0, 0.0, FACE)])
    track.is_spurious = True
    assert made(clipper.end(track)) == ([], "no face")


def test_config_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match=r"clipper\.window_s is 0"):
        ClipperConfig(window_s=0)
