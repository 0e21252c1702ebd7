"""Shot changes found and imagined: made views, one change of a known kind in each, through `ShotDetector`.

A view is a drawn background that drifts, a disc that moves in it, and noise. True changes are cuts, dissolves
and fades; pans, zooms, whip pans, something that rushes by, light that falls, goes off and on or is switched,
and flashes are none. A change counts as found within 0.3 s, or a quarter of its length, of its middle.

    python benchmarks/shots.py [--views 6] [--fps 8]
"""

import argparse
from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray

from model.synthetic.background import sample_background
from workers.shots import ShotDetector, ShotsConfig, thumb_of
from workers.sight import Sight

WIDTH, HEIGHT = 320, 180
QUIET_S = 2.0
Floats = NDArray[np.float32]
View = Callable[[float], Floats]
Change = Callable[[View, View, float, float], Floats]


def view(seed: int) -> View:
    rng = default_rng(seed)
    background = sample_background(rng, WIDTH, HEIGHT)
    x, y, speed = rng.uniform(60, 260), rng.uniform(60, 120), rng.uniform(-40, 40)
    colour, radius = rng.integers(40, 230, 3).tolist(), int(rng.uniform(20, 45))
    noise = rng.normal(0, rng.uniform(1, 4), (HEIGHT, WIDTH, 3)).astype(np.float32)

    def at(time_s: float) -> Floats:
        image = background.at(time_s).astype(np.float32)
        cv2.circle(image, (int(x + speed * np.sin(time_s)), int(y)), radius, colour, -1)
        moved = np.roll(noise, (int(70 * time_s), int(130 * time_s)), (0, 1))
        return (image + moved).astype(np.float32)

    return at


def towards(image: Floats, level: float, share: float) -> Floats:
    return (image + (level - image) * share).astype(np.float32)


def fade(a: View, b: View, t: float, u: float) -> Floats:
    return towards(a(t), 0, 2 * u) if u < 0.5 else towards(b(t), 0, 2 - 2 * u)


def pan(a: View, _: View, t: float, u: float) -> Floats:
    large = cv2.resize(a(t), (3 * WIDTH, 3 * HEIGHT))
    left, top = int(2 * WIDTH * u), int(HEIGHT * u)
    return np.asarray(large[top : top + HEIGHT, left : left + WIDTH], np.float32)


def zoom(a: View, _: View, t: float, u: float) -> Floats:
    turn = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), 0, 1 + 3 * u)
    return np.asarray(cv2.warpAffine(a(t), turn, (WIDTH, HEIGHT)), np.float32)


def whip(a: View, b: View, _: float, u: float) -> Floats:
    row = np.hstack([a(0), b(0), a(0), b(0)])
    left = int(2.2 * WIDTH * u)
    blurred = cv2.blur(row, (61, 1)) if 0 < u < 1 else row
    return np.asarray(blurred[:, left : left + WIDTH], np.float32)


def rush(a: View, _: View, t: float, u: float) -> Floats:
    image = a(t).copy()
    left = int(-150 + u * (WIDTH + 300))
    cv2.rectangle(image, (left, 0), (left + 220, HEIGHT), (200, 40, 40), -1)
    return image


TRUE: dict[str, Change] = {
    "cut": lambda a, b, t, u: a(t) if u < 0.5 else b(t),
    "dissolve": lambda a, b, t, u: np.asarray(cv2.addWeighted(a(t), 1 - u, b(t), u, 0), np.float32),
    "fade": fade,
}
FALSE: dict[str, Change] = {
    "pan": pan,
    "zoom": zoom,
    "whip pan": whip,
    "rushing by": rush,
    "light falls": lambda a, _, t, u: towards(a(t), 0, 0.75 * u),
    "light off and on": lambda a, _, t, u: towards(a(t), 0, 1 - abs(2 * u - 1)),
    "lamp switched": lambda a, _, t, u: towards(a(t), 0, 0 if u < 0.5 else 0.65),
    "flash": lambda a, _b, t, _u: towards(a(t), 255, 0.9 if 0 < t - QUIET_S <= 0.12 else 0),
}


def found(change: Change, seed: int, fps: float, seconds: float) -> list[float]:
    """Return when shots begin, from the middle of the change."""
    a, b = view(2 * seed), view(2 * seed + 1)
    detector = ShotDetector(ShotsConfig())
    times = np.arange(0, 2 * QUIET_S + seconds, 1 / fps).tolist()
    pictures = [change(a, b, t, min(1.0, max(0.0, (t - QUIET_S) / seconds))) for t in times]
    thumbs = [thumb_of(np.clip(picture, 0, 255).astype(np.uint8), ShotsConfig()) for picture in pictures]
    sights = [Sight(n, n, t, thumb, ()) for n, (t, thumb) in enumerate(zip(times, thumbs, strict=True))]
    seen = [pair for sight in sights for pair in detector.add(sight)] + list(detector.finish())
    return [sight.pts_s - QUIET_S - seconds / 2 for sight, start in seen if start is not None and sight.index]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--views", type=int, default=6)
    parser.add_argument("--fps", type=float, default=8.0)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    for name, change in (TRUE | FALSE).items():
        for seconds in (0.5, 1.0, 2.0):
            every = [found(change, seed, options.fps, seconds) for seed in range(options.views)]
            near_s = max(0.3, seconds / 4)
            hits = (
                sum(any(abs(off_s) <= near_s for off_s in starts) for starts in every) if name in TRUE else 0
            )
            false = sum(map(len, every)) - hits
            recall = f"found {hits} of {options.views}" if name in TRUE else ""
            print(f"{name:18s} {seconds:3.1f} s  {recall:14s}  false {false}", flush=True)


if __name__ == "__main__":
    main()
