"""What stands behind people: walls, shelves, windows, foliage; larger than the picture, so as to move."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from model.synthetic.paint import noise

KINDS = ("wall", "shelves", "window", "bokeh", "foliage", "panels")
_MARGIN = 0.18


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """A canvas [H, W, 3] uint8 RGB larger than the picture, and how the camera drifts over it."""

    canvas: NDArray[np.uint8]
    width_px: int
    height_px: int
    drift_hz: tuple[float, float]
    phase: tuple[float, float]
    amplitude: float

    def at(self, time_s: float) -> NDArray[np.uint8]:
        """Return the picture [height, width, 3] behind the people at a time."""
        room = np.array([self.canvas.shape[1] - self.width_px, self.canvas.shape[0] - self.height_px])
        swing = np.sin(2 * np.pi * (np.array(self.drift_hz) * time_s + self.phase))
        x, y = (room * (0.5 + 0.45 * self.amplitude * swing)).tolist()
        centre = (x + (self.width_px - 1) / 2, y + (self.height_px - 1) / 2)
        moved = cv2.getRectSubPix(self.canvas, (self.width_px, self.height_px), centre)
        return np.asarray(moved, np.uint8).copy()


def sample_background(rng: Generator, width_px: int, height_px: int, kind: str | None = None) -> Background:
    """Return a random background for a picture of the given size."""
    kind = kind or KINDS[int(rng.integers(len(KINDS)))]
    size = (round(height_px * (1 + _MARGIN)), round(width_px * (1 + _MARGIN)))
    inner = default_rng(int(rng.integers(2**31)))
    canvas = _PAINTERS[kind](inner, size)
    softness = float(inner.uniform(0.002, 0.012)) * width_px
    canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), softness), np.float32)
    canvas += 1.5 * noise(inner, size, (2, 2))[..., None]
    hz, phase = inner.uniform(0.03, 0.15, 2), inner.random(2)
    return Background(
        canvas=np.clip(canvas, 0, 255).astype(np.uint8),
        width_px=width_px,
        height_px=height_px,
        drift_hz=(float(hz[0]), float(hz[1])),
        phase=(float(phase[0]), float(phase[1])),
        amplitude=float(inner.uniform(0, 1)),
    )


def _colour(rng: Generator, low: float = 30, high: float = 215, vivid: float = 0.16) -> NDArray[np.float32]:
    grey = rng.uniform(low, high)
    return np.clip(grey * (1 + vivid * rng.uniform(-1, 1, 3)), 5, 250).astype(np.float32)


def _wall(rng: Generator, size: tuple[int, int]) -> NDArray[np.float32]:
    height, width = size
    across = np.linspace(rng.uniform(-1, 1), rng.uniform(-1, 1), width)[None, :, None]
    down = np.linspace(rng.uniform(-1, 1), rng.uniform(-1, 1), height)[:, None, None]
    canvas = _colour(rng) * (1 + 0.22 * across + 0.22 * down)
    plaster = 4.0 * noise(rng, size, (height / 6, width / 6)) + 2.5 * noise(rng, size, (6, 6))
    return (canvas + plaster[..., None]).astype(np.float32)


def _rectangle(
    canvas: NDArray[np.float32], box: tuple[float, float, float, float], colour: NDArray[np.float32]
) -> None:
    x0, y0, x1, y1 = (round(edge) for edge in box)
    cv2.rectangle(canvas, (x0, y0), (x1, y1), colour.tolist(), -1)


def _shelves(rng: Generator, size: tuple[int, int]) -> NDArray[np.float32]:
    height, width = size
    canvas = _wall(rng, size) * np.float32(0.45)  # a lit back wall between dark rows can look like a face
    wood, levels = _colour(rng, 40, 130), int(rng.integers(3, 6))
    for level in range(levels):
        bottom, top = height * (level + 1) / levels, height * level / levels
        x = 0.0
        while x < width:
            thick = width * rng.uniform(0.010, 0.035)
            if rng.random() < 0.92:
                tall = (bottom - top) * rng.uniform(0.5, 0.85)
                _rectangle(canvas, (x, bottom - tall, x + thick, bottom), _colour(rng, 30, 180, 0.35))
            x += thick
        _rectangle(canvas, (0, bottom - 0.04 * (bottom - top), width, bottom + 0.05 * (bottom - top)), wood)
    return canvas


def _window(rng: Generator, size: tuple[int, int]) -> NDArray[np.float32]:
    height, width = size
    canvas = _wall(rng, size)
    left, top = width * rng.uniform(0.05, 0.5), height * rng.uniform(0.05, 0.2)
    right, bottom = left + width * rng.uniform(0.25, 0.45), top + height * rng.uniform(0.45, 0.7)
    frame = _colour(rng, 120, 230, 0.1)
    _rectangle(canvas, (left - 8, top - 8, right + 8, bottom + 8), frame)
    sky = np.array([190, 212, 238], np.float32) * rng.uniform(0.6, 1.05)
    _rectangle(canvas, (left, top, right, bottom), sky)
    _rectangle(canvas, (left, top + (bottom - top) * 0.65, right, bottom), _colour(rng, 50, 120, 0.3))
    middle = (left + right) / 2
    _rectangle(canvas, (middle - 3, top, middle + 3, bottom), frame)
    return canvas


def _bokeh(rng: Generator, size: tuple[int, int]) -> NDArray[np.float32]:
    height, width = size
    canvas = _wall(rng, size) * np.float32(0.45)
    for _ in range(int(rng.integers(15, 45))):
        spot = np.zeros_like(canvas)
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(
            spot,
            centre,
            round(width * rng.uniform(0.01, 0.04)),
            _colour(rng, 40, 130, 0.4).tolist(),
            -1,
            cv2.LINE_AA,
        )
        canvas += spot * np.float32(rng.uniform(0.3, 1))
    return canvas


def _foliage(rng: Generator, size: tuple[int, int]) -> NDArray[np.float32]:
    field = noise(rng, size, (50, 50)) + 0.8 * noise(rng, size, (18, 18)) + 0.6 * noise(rng, size, (7, 7))
    green = np.array([70, 105, 50], np.float32) * rng.uniform(0.6, 1.4)
    return (green * np.clip(1 + 0.32 * field, 0.15, 2.2)[..., None]).astype(np.float32)


def _panels(rng: Generator, size: tuple[int, int]) -> NDArray[np.float32]:
    height, width = size
    canvas = _wall(rng, size)
    for _ in range(int(rng.integers(4, 12))):
        x, y = rng.uniform(-0.1, 1) * width, rng.uniform(-0.1, 1) * height
        box = (x, y, x + width * rng.uniform(0.05, 0.4), y + height * rng.uniform(0.05, 0.5))
        _rectangle(canvas, box, _colour(rng))
    return canvas


_PAINTERS = {
    "wall": _wall,
    "shelves": _shelves,
    "window": _window,
    "bokeh": _bokeh,
    "foliage": _foliage,
    "panels": _panels,
}
