"""Cuts and gradual transitions: where one shot ends and the next begins.

PySceneDetect's detectors are fed frame by frame with the frames that are sampled anyway, under our own frame
numbers. A cut is a frame that differs from the one before far more than its neighbours do from theirs, so
that fast motion is none. Fades and dissolves are found by `workers.transitions`, after their end: frames are
held back until it is known whether a shot began with them, the length of half a transition.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from scenedetect.common import FrameTimecode
from scenedetect.detectors import AdaptiveDetector, ContentDetector

from workers.faces.window import Pyramid
from workers.sight import Sight
from workers.transitions import Transition, Transitions, is_relit

_WINDOW = 2
"""Frames on either side that a change is compared with."""
_NOMINAL_FPS = 30.0
"""PySceneDetect counts time; we count frames and take only their numbers back."""

_Thumb = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ShotsConfig:
    """When a change of the picture is a cut.

    Changes are mean differences of hue, saturation and value, 0..255.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    is_enabled: bool = True
    """False takes the whole video for one shot."""
    side_px: int = 192
    """Longer side to which frames are scaled before they are compared."""
    change: float = 15.0
    """Change below which nothing is a cut."""
    change_ratio: float = 3.0
    """Change over the mean of the four neighbouring ones, from which it is a cut."""
    sure_change: float = 27.0
    """Change from which two frames show different scenes, where no neighbours can tell."""
    max_gap_s: float = 0.9
    """Seconds between two frames above which neighbours cannot tell."""
    max_transition_s: float = 2.5
    """Seconds that a dissolve may take, and a fade each way; 0 looks for cuts only."""
    held_bytes: int = 256 << 20
    """Bytes of what was seen of frames held back; from there on, a shot that comes slowly begins later."""

    def __post_init__(self) -> None:
        for name in ("side_px", "change", "change_ratio", "sure_change", "max_gap_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"shots.{name} is {getattr(self, name)}; give a positive number")
        if self.max_transition_s < 0:
            raise ValueError(f"shots.max_transition_s is {self.max_transition_s}; give 0 or more")


class Start(NamedTuple):
    """How a shot begins: `transition` is cut, fade or dissolve, None for the first shot.

    The frames, numbers in the video, are those of a gradual transition: the last that shows only the shot
    before and the first that shows only this one.
    """

    transition: str | None
    from_frame: int | None = None
    to_frame: int | None = None


class ShotDetector:
    """Tells of each frame whether a shot begins with it, some frames later.

    Args:
        config: Thresholds.
    """

    def __init__(self, config: ShotsConfig) -> None:
        self._config = config
        self._detector = AdaptiveDetector(
            adaptive_threshold=config.change_ratio,
            min_scene_len=0,
            window_width=_WINDOW,
            min_content_val=config.change,
        )
        self._waiting: deque[Sight] = deque()
        self._thumbs: dict[int, _Thumb] = {}
        self._cuts = {0: Start(None)}
        self._transitions = Transitions(config.max_transition_s) if config.max_transition_s else None
        self._next = 0
        """Place of the next frame among those that were added."""
        self._last_s = 0.0

    def add(self, sight: Sight) -> Iterator[tuple[Sight, Start | None]]:
        """Take the next frame; yield those that are decided, each with how a shot begins there, if so."""
        if sight.thumb is None:
            yield sight, self._cuts.pop(self._next, None)
            self._next += 1
            return
        place, thumb = self._next, sight.thumb
        self._next += 1
        self._waiting.append(sight)
        if place == 0:
            # A still picture before the first frame, so that a change at once stands out as it should.
            for before in range(_WINDOW):
                self._feed(before - _WINDOW, thumb)
        elif self._is_sure_cut(sight, thumb):
            self._cut(place)
        self._last_s = sight.pts_s
        self._thumbs[place] = thumb
        self._thumbs.pop(place - 2 * _WINDOW - 1, None)
        self._feed(place, thumb)
        if self._transitions is not None:
            self._take(self._transitions.add(place, sight.index, sight.pts_s, thumb))
        while len(self._waiting) > _WINDOW + 1 and self._is_due(sight):
            yield self._released()

    def finish(self) -> Iterator[tuple[Sight, Start | None]]:
        """Yield the frames that were held back: no more come."""
        if self._thumbs:
            thumb = self._thumbs[self._next - 1]
            for after in range(_WINDOW):
                self._thumbs[self._next + after] = thumb
                self._feed(self._next + after, thumb)
        while self._waiting:
            yield self._released()

    def _is_sure_cut(self, sight: Sight, thumb: _Thumb) -> bool:
        is_gap = sight.pts_s - self._last_s > self._config.max_gap_s
        before = self._thumbs[self._next - 2]
        return is_gap and _differ(before, thumb, self._config.sure_change) and not is_relit(before, thumb)

    def _is_due(self, newest: Sight) -> bool:
        """Say whether the oldest frame need not wait: it is the middle of no transition still to end."""
        oldest = self._waiting[0]
        held_bytes = oldest.nbytes * len(self._waiting)
        hold_s = self._config.max_transition_s / 2
        return newest.pts_s - oldest.pts_s > hold_s or held_bytes > self._config.held_bytes

    def _released(self) -> tuple[Sight, Start | None]:
        place = self._next - len(self._waiting)
        return self._waiting.popleft(), self._cuts.pop(place, None)

    def _cut(self, place: int) -> None:
        self._cuts.setdefault(place, Start("cut"))
        if self._transitions is not None:
            self._transitions.begin_at(place)

    def _take(self, found: Transition | None) -> None:
        """Let a shot begin in the middle of a transition, or with the oldest frame that is still here."""
        if found is None:
            return
        oldest = self._next - len(self._waiting)
        for place in [place for place in self._cuts if found.start < place <= found.end]:
            del self._cuts[place]
        self._cuts[max(oldest, found.middle)] = Start(found.kind, found.start_frame, found.end_frame)

    def _feed(self, place: int, thumb: _Thumb) -> None:
        found = self._detector.process_frame(FrameTimecode(place + _WINDOW, _NOMINAL_FPS), thumb)
        for timecode in found:
            cut = self._begins_at(timecode.frame_num - _WINDOW)
            if cut is not None:
                self._cut(cut)

    def _begins_at(self, place: int) -> int | None:
        """Return where the shot begins of which a frame stands out, or None for a flash of light."""
        if place <= 0 or place >= self._next:
            return None
        config, thumbs = self._config, self._thumbs
        is_at_end = place < _WINDOW or place >= self._next - _WINDOW
        if is_at_end and not _differ(thumbs[place - 1], thumbs[place], config.sure_change):
            return None  # against still pictures that we have put there, any motion stands out
        if is_relit(thumbs[place - 1], thumbs[place]):
            return None
        is_bright = not _differ(thumbs[place - 1], thumbs[place + 1], config.change)
        if place == 1:
            return None if is_bright else place
        is_after = not _differ(thumbs[place - 2], thumbs[place], config.change)
        if is_bright or is_after:
            return None
        # A single odd frame between two shots, blank or half faded, belongs to the later one.
        is_odd = _differ(thumbs[place - 2], thumbs[place - 1], config.sure_change)
        return place - 1 if is_odd else place


def thumb_of(image: npt.NDArray[np.uint8], config: ShotsConfig) -> _Thumb | None:
    """Return what shots are told apart by, of a picture [H, W, 3] uint8 RGB: [h, w, 3] uint8 BGR, small.

    None where shots are not told apart.
    """
    if not config.is_enabled:
        return None
    height_px, width_px = image.shape[:2]
    scale = min(1.0, config.side_px / max(height_px, width_px))
    size = max(1, round(width_px * scale)), max(1, round(height_px * scale))
    # Of halves, which are made ten times faster than a picture is averaged at any scale.
    half, _ = Pyramid(image).level(1 / scale)
    small = cv2.resize(half, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2BGR), np.uint8)


def _differ(first: _Thumb, second: _Thumb, change: float) -> bool:
    detector = ContentDetector(threshold=change, min_scene_len=0)
    detector.process_frame(FrameTimecode(0, _NOMINAL_FPS), first)
    return bool(detector.process_frame(FrameTimecode(1, _NOMINAL_FPS), second))
