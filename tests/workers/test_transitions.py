from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from workers.transitions import Transition, Transitions

Image = NDArray[np.uint8]
FPS = 8.0
SIZE = (192, 108)
QUIET_S = 1.5


def scene(seed: int) -> Callable[[float], Image]:
    """Return a view of coarse texture that drifts, with something that moves in it and noise."""
    rng = np.random.default_rng(seed)
    wide = cv2.resize(rng.integers(0, 256, (6, 10, 3), np.uint8), (260, 150), interpolation=cv2.INTER_CUBIC)
    way, colour = rng.uniform(20, 170, 2), rng.integers(0, 256, 3).tolist()
    noise = rng.normal(0, 3, (SIZE[1], SIZE[0], 3))

    def at(time_s: float) -> Image:
        left, top = round(30 + 8 * np.sin(time_s)), round(20 + 4 * np.cos(time_s))
        view = np.ascontiguousarray(wide[top : top + SIZE[1], left : left + SIZE[0]])
        cv2.circle(view, (int(way[0] + 15 * np.sin(2 * time_s)), 60), 14, colour, -1)
        moved = np.roll(noise, (int(70 * time_s), int(130 * time_s)), (0, 1))
        return np.clip(view + moved, 0, 255).astype(np.uint8)

    return at


def mixed(first: Image, second: Image, share: float) -> Image:
    return np.asarray(cv2.addWeighted(first, 1 - share, second, share, 0), np.uint8)


def flat(level: int) -> Image:
    return np.full((SIZE[1], SIZE[0], 3), level, np.uint8)


def found(
    picture: Callable[[float, float], Image], seconds: float, fps: float = FPS, longest_s: float = 2.5
) -> list[Transition]:
    """Return what is found where a picture depends on time and on how far a change of some seconds is."""
    transitions = Transitions(longest_s)
    times = np.arange(0, 2 * QUIET_S + seconds, 1 / fps)
    seen = [
        transitions.add(n, 3 * n, t, picture(t, float(np.clip((t - QUIET_S) / seconds, 0, 1))))
        for n, t in enumerate(times.tolist())
    ]
    return [transition for transition in seen if transition is not None]


@pytest.mark.parametrize("fps", [8.0, 25.0])
@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_dissolve_is_found_with_its_ends(seed: int, seconds: float, fps: float) -> None:
    first, second = scene(2 * seed), scene(2 * seed + 1)
    (dissolve,) = found(lambda t, u: mixed(first(t), second(t), u), seconds, fps)
    assert dissolve.kind == "dissolve"
    start_s, middle_s, end_s = dissolve.start / fps, dissolve.middle / fps, dissolve.end / fps
    assert start_s == pytest.approx(QUIET_S, abs=0.15 + 0.1 * seconds)
    assert middle_s == pytest.approx(QUIET_S + seconds / 2, abs=0.15 + 0.05 * seconds)
    assert end_s == pytest.approx(QUIET_S + seconds, abs=0.2 + 0.1 * seconds)
    assert (dissolve.start_frame, dissolve.end_frame) == (3 * dissolve.start, 3 * dissolve.end)


@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("seconds", [0.75, 2.0, 4.0])
def test_a_fade_through_a_colour_is_found(seconds: float, level: int) -> None:
    first, second = scene(4), scene(5)

    def picture(t: float, u: float) -> Image:
        if u < 0.5:
            return mixed(first(t), flat(level), 2 * u)
        return mixed(flat(level), second(t), 2 * u - 1)

    (fade,) = found(picture, seconds)
    assert fade.kind == "fade"
    assert fade.middle / FPS == pytest.approx(QUIET_S + seconds / 2, abs=0.2 + 0.1 * seconds)


def test_black_may_be_seen_for_long_between() -> None:
    first, second = scene(6), scene(7)

    def picture(t: float, u: float) -> Image:
        if u < 0.05:
            return mixed(first(t), flat(0), 20 * u)
        return flat(0) if u < 0.95 else mixed(flat(0), second(t), 20 * u - 19)

    (fade,) = found(picture, 20.0)
    assert fade.kind == "fade"
    assert fade.middle / FPS == pytest.approx(QUIET_S + 19, abs=0.4)


def test_a_cut_and_a_still_are_none() -> None:
    first, second = scene(8), scene(9)
    assert found(lambda t, u: first(t) if u == 0 else second(t), 1.0) == []
    assert found(lambda t, u: first(0), 1.0) == []
    assert found(lambda t, u: flat(7), 1.0) == []


@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("seed", [10, 11, 12])
def test_motion_zoom_and_light_are_none(seed: int, seconds: float) -> None:
    view, wide = scene(seed), scene(seed + 50)

    def pan(t: float, u: float) -> Image:
        large = cv2.resize(view(t), (3 * SIZE[0], 3 * SIZE[1]))
        left, top = round(2 * SIZE[0] * u), round(2 * SIZE[1] * u)
        return np.asarray(large[top : top + SIZE[1], left : left + SIZE[0]], np.uint8)

    def zoom(t: float, u: float) -> Image:
        turn = cv2.getRotationMatrix2D((SIZE[0] / 2, SIZE[1] / 2), 20 * u, 1 + 3 * u)
        return np.asarray(cv2.warpAffine(view(t), turn, SIZE, borderMode=cv2.BORDER_REFLECT), np.uint8)

    def whip(t: float, u: float) -> Image:
        row = np.hstack([view(0), wide(0), view(0)])
        left = round(2 * SIZE[0] * u)
        blurred = row if u in (0, 1) else cv2.blur(row, (41, 1))
        return np.asarray(blurred[:, left : left + SIZE[0]], np.uint8)

    def rush(t: float, u: float) -> Image:
        image = view(t).copy()
        left = round(-120 + u * 320)
        cv2.rectangle(image, (left, 0), (left + 110, SIZE[1]), (200, 40, 40), -1)
        return image

    def darken(t: float, u: float) -> Image:
        return mixed(view(t), flat(0), 0.75 * u)

    def flash(t: float, u: float) -> Image:
        return mixed(view(t), flat(255), max(0.0, 1 - 2 * abs(u - 0.5)))

    for change in (pan, zoom, whip, rush, darken, flash):
        assert found(change, seconds) == [], change.__name__


def test_a_transition_that_takes_too_long_is_none() -> None:
    first, second = scene(0), scene(1)
    assert found(lambda t, u: mixed(first(t), second(t), u), 2.0, longest_s=1.0) == []
