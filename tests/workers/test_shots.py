import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.workers.videos import encode
from workers.shots import ShotDetector, ShotsConfig, thumb_of
from workers.sight import Sight
from workers.video.decoder import Decoder, DecoderConfig
from workers.video.frames import Frame

Image = Any


def scene(seed: int, width_px: int = 320, height_px: int = 180) -> Image:
    """A picture of coarse coloured texture, unlike that of another seed."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (5, 8, 3), np.uint8)
    return cv2.resize(coarse, (width_px, height_px), interpolation=cv2.INTER_CUBIC)


def drifting(seed: int) -> Callable[[int], Image]:
    """A scene that a slow camera looks at."""
    wide = scene(seed, 480, 200)
    return lambda number: np.ascontiguousarray(wide[10:190, number : number + 320])


def sight_of(frame: Frame, config: ShotsConfig | None = None) -> Sight:
    thumb = thumb_of(frame.image, config or ShotsConfig())
    return Sight(frame.index, frame.pts, frame.pts_s, thumb, ())


def cuts(images: list[Image], fps: float = 8.0, config: ShotsConfig | None = None) -> list[int]:
    """Return the numbers of the frames with which shots begin; given as 0, 3, 6..."""
    detector = ShotDetector(config or ShotsConfig())
    frames = [Frame(3 * n, 300 * n, n / fps, image) for n, image in enumerate(images)]
    seen = [pair for frame in frames for pair in detector.add(sight_of(frame, config))] + list(
        detector.finish()
    )
    assert [frame.index for frame, _ in seen] == [frame.index for frame in frames]
    return [frame.index // 3 for frame, start in seen if start is not None]


def test_a_quiet_shot_is_one() -> None:
    view = drifting(1)
    assert cuts([view(n) for n in range(40)]) == [0]


@pytest.mark.parametrize("at", [1, 2, 3, 10, 17, 18, 19])
def test_a_cut_is_found_wherever_it_is(at: int) -> None:
    first, second = drifting(1), drifting(2)
    assert cuts([first(n) if n < at else second(n) for n in range(20)]) == [0, at]


def test_every_cut_of_many_is_found() -> None:
    views = [drifting(seed) for seed in range(8)]
    assert cuts([views[n // 6](n) for n in range(48)]) == [0, 6, 12, 18, 24, 30, 36, 42]


def test_short_shots_are_found() -> None:
    views = [drifting(seed) for seed in range(4)]
    assert cuts([views[n // 4](n) for n in range(16)]) == [0, 4, 8, 12]


@pytest.mark.parametrize("step_px", [20, 45, 80])
def test_fast_motion_is_no_cut(step_px: int) -> None:
    wide = scene(5, 320 + 24 * step_px, 180)
    pan = [np.ascontiguousarray(wide[:, n * step_px : n * step_px + 320]) for n in range(24)]
    assert cuts(pan) == [0]


def test_something_that_rushes_through_the_picture_is_no_cut() -> None:
    view, images = drifting(3), []
    for n in range(20):
        image = view(n).copy()
        left = (n - 6) * 60
        cv2.rectangle(image, (left, 20), (left + 90, 170), (230, 30, 30), -1)
        images.append(image)
    assert cuts(images) == [0]


@pytest.mark.parametrize("at", [1, 5, 18, 19])
def test_a_flash_is_no_cut(at: int) -> None:
    view = drifting(4)
    images = [np.full((180, 320, 3), 250, np.uint8) if n == at else view(n) for n in range(20)]
    assert cuts(images) == ([0, 19] if at == 19 else [0])  # nothing comes after the last to compare with


def test_a_blank_frame_between_shots_belongs_to_the_later() -> None:
    first, second = drifting(1), drifting(2)
    blank = np.zeros((180, 320, 3), np.uint8)
    assert cuts([*(first(n) for n in range(8)), blank, *(second(n) for n in range(8))]) == [0, 8]


def test_pictures_a_second_apart_are_compared_alone() -> None:
    """A slide show changes with every frame, so none stands out."""
    slides = [scene(seed) for seed in range(6)]
    assert cuts(slides, fps=1.0) == [0, 1, 2, 3, 4, 5]
    assert cuts([slides[0]] * 3 + [slides[1]] * 3, fps=0.5) == [0, 3]
    view = drifting(1)
    assert cuts([view(n) for n in range(10)], fps=1.0) == [0]


def test_one_frame_is_one_shot() -> None:
    assert cuts([scene(1)]) == [0]
    assert cuts([scene(1), scene(1)]) == [0]
    assert cuts([]) == []


def test_disabled_takes_the_whole_for_one() -> None:
    assert cuts([scene(n) for n in range(6)], config=ShotsConfig(is_enabled=False)) == [0]


@pytest.mark.parametrize("size_px", [(1, 400), (400, 1), (16, 16)])
def test_any_size(size_px: tuple[int, int]) -> None:
    dark, light = np.zeros((*size_px, 3), np.uint8), np.full((*size_px, 3), 255, np.uint8)
    assert cuts([dark] * 5 + [light] * 5) == [0, 5]


@pytest.mark.parametrize("sample_fps", [math.inf, 8.0])
def test_numbers_are_those_of_the_video(sample_fps: float, tmp_path: Path) -> None:
    """A variable frame rate, with which counting time goes wrong."""
    first, second = drifting(1), drifting(2)
    pts = np.cumsum([0, *([20, 130, 33, 47] * 15)]).tolist()
    images = [first(n) if n < 37 else second(n) for n in range(61)]
    path = encode(tmp_path / "v.mkv", images, pts=pts, time_base=Fraction(1, 1000))
    detector = ShotDetector(ShotsConfig())
    with Decoder(DecoderConfig(sample_fps=sample_fps)).open(path) as video:
        seen = [pair for frame in video for pair in detector.add(sight_of(frame))] + list(detector.finish())
    starts = [frame.index for frame, start in seen if start is not None]
    sampled_after = min(frame.index for frame, _ in seen if frame.index >= 37)
    assert starts == [0, sampled_after]


@pytest.mark.parametrize("fps", [1.0, 8.0, 25.0])
@pytest.mark.parametrize("light", [(0.3, 0.3, 0.3), (0.6, 0.6, 0.6), (1.2, 1.0, 0.6)])
def test_a_lamp_that_is_switched_is_no_cut(light: tuple[float, float, float], fps: float) -> None:
    view = drifting(4)
    images = [
        np.clip(view(n) * (light if n >= 10 else (1, 1, 1)), 0, 255).astype(np.uint8) for n in range(20)
    ]
    assert cuts(images, fps) == [0]
    assert cuts(images[::-1], fps) == [0]


def dissolve(length: int) -> list[Image]:
    """Two seconds of a shot, a dissolve over so many frames, two seconds of another."""
    first, second = drifting(1), drifting(2)
    shares = [0.0] * 16 + [n / (length + 1) for n in range(1, length + 1)] + [1.0] * 16
    return [cv2.addWeighted(first(n), 1 - u, second(n), u, 0) for n, u in enumerate(shares)]


@pytest.mark.parametrize("length", [3, 7, 15])
def test_a_shot_begins_in_the_middle_of_a_dissolve(length: int) -> None:
    detector = ShotDetector(ShotsConfig())
    frames = [Frame(3 * n, 300 * n, n / 8, image) for n, image in enumerate(dissolve(length))]
    seen = [pair for frame in frames for pair in detector.add(sight_of(frame))] + list(detector.finish())
    assert [sight.index for sight, _ in seen] == [frame.index for frame in frames]
    (zero, first), (middle, start) = [(frame.index // 3, start) for frame, start in seen if start]
    assert (zero, first.transition) == (0, None)
    assert abs(middle - (16 + length // 2)) <= 1
    assert start.transition == "dissolve"
    assert start.from_frame is not None
    assert start.to_frame is not None
    assert abs(start.from_frame / 3 - 15) <= 1 + length // 6
    assert abs(start.to_frame / 3 - (16 + length)) <= 1 + length // 6


def test_a_cut_is_called_one() -> None:
    detector = ShotDetector(ShotsConfig())
    first, second = drifting(1), drifting(2)
    frames = [Frame(n, n, n / 8, first(n) if n < 10 else second(n)) for n in range(20)]
    seen = [pair for frame in frames for pair in detector.add(sight_of(frame))] + list(detector.finish())
    assert [(frame.index, start) for frame, start in seen if start] == [
        (0, (None, None, None)),
        (10, ("cut", None, None)),
    ]


def test_large_frames_are_not_held_back_for_long() -> None:
    images = dissolve(15)
    detector = ShotDetector(ShotsConfig(held_bytes=5 * sight_of(Frame(0, 0, 0.0, images[0])).nbytes))
    starts: list[int] = []
    for n, image in enumerate(images):
        seen = list(detector.add(sight_of(Frame(n, n, n / 8, image))))
        starts += [frame.index for frame, start in seen if start]
    starts += [frame.index for frame, start in detector.finish() if start]
    assert starts[0] == 0
    assert 24 < starts[1] <= 32


def test_transitions_can_be_left_alone() -> None:
    assert cuts(dissolve(15), config=ShotsConfig(max_transition_s=0)) == [0]


def test_a_senseless_configuration_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shots\.change_ratio is 0"):
        ShotsConfig(change_ratio=0)
