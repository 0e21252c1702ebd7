"""Gradual transitions: dissolves, and fades through one colour.

Between two shots that dissolve every picture is a mixture of the one before and the one after, in growing
shares; in a fade both shares vanish in between. So for two pictures that have little in common, it is asked
whether those between them are such mixtures. A moving camera, a zoom or something that rushes through the
picture passes through pictures that are none, and keeps their contrast, which a mixture of unlike pictures
loses; a change of light leaves the structure alone, so that its ends have much in common (variance dip:
Alattar 1993; linear mixtures: Lienhart 1999).

Pictures are compared small, without their mean colour. All that is asked of them are inner products.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_SIDE_PX = 32
_MOST_PICTURES = 160
_BLANK = 4.0
"""Deviation below which a picture is of one colour, grey levels."""
_FLAT = 6.0
"""Deviation below which a picture shows too little to tell a shot by."""

_COMMON = 0.3
"""Correlation above which two pictures may be of one shot."""
_UNEXPLAINED = 0.13
"""Share of the ends' contrast that may not be a mixture of them, on the mean of the pictures between."""
_WORST = 0.6
"""Share of one picture's own contrast that may not be a mixture of them."""
_DIP = 0.7
"""Contrast in the middle, of what it would be on the way from one end's to the other's, above which nothing
has been mixed: equal shares of two unlike pictures have half."""
_STEP = 0.55
"""Share by which the mixture may change from one picture to the next: more is a cut."""
_BACK = 0.12
"""Share by which the mixture may turn back: noise and motion."""
_FADED = 0.12
"""Share of both ends below which the colour between them is what is seen."""
_RELIT = 0.85
"""Correlation above which two pictures next to each other are of one scene, however unlike their light."""
_FEWEST = 2
"""Pictures in between."""


@dataclass(frozen=True, slots=True)
class Transition:
    """The places of its pictures, as they were given, and the numbers of the frames at its ends.

    Attributes:
        kind: fade or dissolve.
        start: the last picture of only the shot before.
        middle: the first in which the shot after outweighs it.
        end: the first picture of only the shot after.
    """

    kind: str
    start: int
    middle: int
    end: int
    start_frame: int
    end_frame: int


@dataclass(frozen=True, slots=True, eq=False)
class _Mixture:
    """What pictures between two others have of each: [M] shares of the one before and the one after."""

    before: Floats
    after: Floats
    unexplained: float
    worst: float
    dip: float


class Transitions:
    """Finds the gradual transitions of a video, one picture after their end."""

    def __init__(self, longest_s: float) -> None:
        """Start before the first picture; a fade may take `longest_s` out and as long in again."""
        self._longest_s = longest_s
        self._pictures: list[Floats] = []
        self._places: list[int] = []
        self._frames: list[int] = []
        self._times_s: list[float] = []
        """Without the time that a colour alone is seen, which may be long."""
        self._products: NDArray[np.float64] = np.zeros((0, 0))
        self._blank_s = 0.0
        self._last_s = 0.0

    def add(self, place: int, frame: int, pts_s: float, thumb: NDArray[np.uint8]) -> Transition | None:
        """Take the next picture; return the transition that ended just before it.

        Args:
            place: larger than that of the picture before.
            frame: its number in the video.
            pts_s: its time.
            thumb: [H, W, 3] uint8.
        """
        picture = _small(thumb)
        is_blank = _norm(picture) < _BLANK
        if is_blank and self._pictures and _norm(self._pictures[-1]) < _BLANK:
            self._blank_s += pts_s - self._last_s
            self._last_s = pts_s
            return None
        self._last_s = pts_s
        self._places.append(place)
        self._frames.append(frame)
        self._append(pts_s - self._blank_s, picture)
        found = self._ended()
        if found is not None:
            self.begin_at(found.end)
        return found

    def begin_at(self, place: int) -> None:
        """Forget what lies before a picture: a shot begins there."""
        self._forget(sum(known < place for known in self._places))

    def _append(self, time_s: float, picture: Floats) -> None:
        self._pictures.append(picture)
        self._times_s.append(time_s)
        row = np.array([float(known @ picture) / picture.size for known in self._pictures])
        count = len(row)
        products = np.empty((count, count))
        products[:-1, :-1] = self._products
        products[-1, :] = products[:, -1] = row
        self._products = products
        oldest_s = time_s - 2 * self._longest_s
        self._forget(max(sum(known < oldest_s for known in self._times_s), count - _MOST_PICTURES))

    def _forget(self, count: int) -> None:
        if count > 0:
            for known in (self._pictures, self._places, self._frames, self._times_s):
                del known[:count]
            self._products = self._products[count:, count:]

    def _ended(self) -> Transition | None:
        """Return the transition whose last picture is the one before the newest."""
        end = len(self._places) - 2
        if end < _FEWEST + 1 or self._norm(end) < _FLAT:
            return None
        norms = np.sqrt(np.diag(self._products))
        common = self._products[end, :end] / np.maximum(norms[:end] * norms[end], 1e-9)
        starts = np.flatnonzero((common < _COMMON) & (norms[:end] >= _FLAT))
        for start in reversed([start for start in starts.tolist() if start < end - _FEWEST]):
            mixture = self._mixture(start, end)
            if self._is_settled(start, end) and self._is_gradual(mixture, start, end):
                return self._transition(mixture, start, end)
        return None

    def _norm(self, number: int) -> float:
        return float(np.sqrt(self._products[number, number]))

    def _shares(self, start: int, end: int, of: slice) -> tuple[Floats, Floats]:
        """Return the shares of two pictures that come nearest to others, by least squares."""
        g = self._products
        a, b, c = g[start, start], g[end, end], g[start, end]
        p, q = g[of, start], g[of, end]
        det = a * b - c * c
        return ((p * b - q * c) / det).astype(np.float32), ((q * a - p * c) / det).astype(np.float32)

    def _mixture(self, start: int, end: int) -> _Mixture:
        between = slice(start + 1, end)
        before, after = self._shares(start, end, between)
        g = self._products
        own = np.diag(g)[between]
        rest = own - before * g[between, start] - after * g[between, end]
        ends = (g[start, start] + g[end, end]) / 2
        progress = np.clip(after / np.maximum(before + after, 1e-6), 0, 1)
        unmixed = (1 - progress) * g[start, start] + progress * g[end, end]
        # What a blank picture shows is noise.
        worst = float((rest / (own + 0.05 * ends)).max())
        return _Mixture(before, after, float(rest.mean() / ends), worst, float((own / unmixed).min()))

    def _is_settled(self, start: int, end: int) -> bool:
        """Say whether the pictures before the start and after the end are like them, not further ones."""
        half_step = 0.5 / (end - start)
        before, after = self._shares(start, end, slice(end + 1, end + 2))
        if after[0] - before[0] > 1 + 2 * half_step:
            return False
        if start == 0:
            return True
        before, after = self._shares(start, end, slice(start - 1, start))
        return bool(before[0] - after[0] <= 1 + 2 * half_step)

    def _is_gradual(self, mixture: _Mixture, start: int, end: int) -> bool:
        if mixture.unexplained > _UNEXPLAINED or mixture.worst > _WORST or mixture.dip > _DIP:
            return False
        before = np.concatenate([[1], mixture.before, [0]])
        after = np.concatenate([[0], mixture.after, [1]])
        steps = np.concatenate([-np.diff(before), np.diff(after)])
        is_fade = bool((mixture.before + mixture.after).min() < _FADED)
        limit_s = self._longest_s * (2 if is_fade else 1)
        lasts_s = self._times_s[end] - self._times_s[start]
        return bool(steps.max() <= _STEP and steps.min() >= -_BACK and lasts_s <= limit_s)

    def _transition(self, mixture: _Mixture, start: int, end: int) -> Transition:
        is_fade = bool((mixture.before + mixture.after).min() < _FADED)
        is_after = (mixture.after > mixture.before) & (mixture.after > _FADED / 2)
        later = np.flatnonzero(is_after)
        middle = start + 1 + int(later[0]) if len(later) else end
        kind = "fade" if is_fade else "dissolve"
        places = self._places[start], self._places[middle], self._places[end]
        return Transition(kind, *places, self._frames[start], self._frames[end])


def is_relit(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> bool:
    """Say whether two pictures [H, W, 3] uint8 show the same shapes, colour by colour, in another light."""
    first, second = (_small(thumb).reshape(-1, 3) for thumb in (before, after))
    norms = np.linalg.norm(first, axis=0) * np.linalg.norm(second, axis=0)
    alike = (first * second).sum(axis=0) / np.maximum(norms, 1e-9)
    return bool(min(_norm(first), _norm(second)) >= _BLANK and np.median(alike) > _RELIT)


def _small(thumb: NDArray[np.uint8]) -> Floats:
    """Return a picture as a vector of few colours, without their mean."""
    scale = _SIDE_PX / max(thumb.shape[:2])
    size = max(1, round(thumb.shape[1] * scale)), max(1, round(thumb.shape[0] * scale))
    small = np.asarray(cv2.resize(thumb, size, interpolation=cv2.INTER_AREA), np.float32)
    return (small - small.mean(axis=(0, 1))).ravel()


def _norm(picture: Floats) -> float:
    return float(np.sqrt(np.square(picture).mean()))
