"""Clips of a track: eight crops spread over a stretch of time, cut at once so that no picture is kept.

A track is divided into windows of `window_s` seconds that start every `stride_s` seconds from its first
usable face. A window's clip is eight of its n usable faces, evenly spread: the k-th is number
floor(k (n - 1) / 7), as in the model's training, so that faces repeat where there are fewer than eight. The
best windows of a track become its clips.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.clip import FaceClip
from storage.records import Clip, clip_id, track_id
from workers.crop import Patch, crop_square
from workers.faces.face import Face
from workers.sight import Sighted
from workers.tracking.track import FaceTrack

_DENSITY = 32
"""Faces kept per window; closer ones are passed over, so that memory does not grow with the frame rate."""


@dataclass(frozen=True, slots=True)
class ClipperConfig:
    """What becomes a clip."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    window_s: float = 2.0
    """Seconds of a window."""
    stride_s: float = 2.0
    """Seconds from the start of one window to that of the next."""
    frames: int = 8
    """Crops of a clip; the model takes 8."""
    crop_px: int = 256
    """Side of a crop."""
    max_clips_per_track: int = 4
    """Clips of a track: of so many parts of its time, the window of the highest quality each."""
    min_face_px: float = 32.0
    """Shorter side of the face box below which a face is too small to say anything of."""
    min_sharpness: float = 8.0
    """Sharpness below which a face is too blurred: one smeared over a quarter of its width has about 10."""
    max_occlusion: float = 0.6
    """Hidden share of a face above which it is more of something else."""
    min_track_s: float = 0.2
    """Seconds that a face must be seen, a frame counting until the next; a still has no next and counts."""
    margin: float = 0.0
    """Added to the crop on every side, in sides of it. The model was trained with 0."""
    is_centred: bool = False
    """Centre the crop on the detector's box; training anchored it at the top left."""
    is_aligned: bool = False
    """Turn the crop so that the eyes are level; training left it upright."""

    def __post_init__(self) -> None:
        for name in ("window_s", "stride_s", "frames", "crop_px", "max_clips_per_track"):
            if getattr(self, name) <= 0:
                raise ValueError(f"clipper.{name} is {getattr(self, name)}; give a positive number")
        if self.margin < 0:
            raise ValueError(f"clipper.margin is {self.margin}; give 0 or more")


class ClipCut(NamedTuple):
    """A clip's row and its pixels."""

    record: Clip
    clip: FaceClip


class Ended(NamedTuple):
    """What a track came to: its clips in order of time, or why it has none."""

    cuts: Iterable[ClipCut]
    no_clip_reason: str | None


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """What one crop will be made of, scaled up only when it is chosen: most are not.

    Landmarks [68, 2] float32 are in pixels of the picture.
    """

    frame_index: int
    pts: int
    pts_s: float
    quality: float
    patch: Patch
    landmarks_px: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """The crops that a window's clip would have."""

    number: int
    """Of the window, in its track index."""
    cuts: list[_Cut]
    is_long: bool
    """False for the rest of a track, or the little seen in a window, of less than half a window."""

    @property
    def quality(self) -> float:
        return sum(cut.quality for cut in self.cuts) / len(self.cuts)

    @property
    def rank(self) -> tuple[bool, float]:
        return self.is_long, self.quality


@dataclass(slots=True, eq=False)
class _Open:
    """A window that time has not passed yet."""

    number: int
    end_s: float
    cuts: list[_Cut]


@dataclass(slots=True)
class _Windows:
    """The windows of one track index.

    How long it will be is not known, so the stretches of which each keeps its best window double in length
    whenever there are too many of them.
    """

    start_s: float = 0.0
    begun: int = 0
    opened: list[_Open] = field(default_factory=list[_Open])
    stretch: int = 1
    """Windows per stretch."""
    best: dict[int, _Candidate] = field(default_factory=dict[int, _Candidate])
    """By the number of the stretch."""
    has_size: bool = False
    has_sharpness: bool = False

    def keep(self, candidate: _Candidate, stretches: int) -> None:
        """Take a candidate, unless its stretch has a better one; hold at most so many stretches."""
        self._put(candidate)
        while len(self.best) > stretches:
            kept, self.best = self.best, {}
            self.stretch *= 2
            for other in kept.values():
                self._put(other)

    def _put(self, candidate: _Candidate) -> None:
        place = candidate.number // self.stretch
        self.best[place] = max(self.best.get(place, candidate), candidate, key=lambda held: held.rank)


def patch_of(image: NDArray[np.uint8], face: Face, config: ClipperConfig) -> Patch | None:
    """Return what clips may show of a face of a picture [H, W, 3] uint8 RGB, or None where it is unusable."""
    if face.size_px < config.min_face_px or face.sharpness < config.min_sharpness:
        return None
    square = crop_square(face, config.margin, is_centred=config.is_centred, is_aligned=config.is_aligned)
    return square.patch(image, config.crop_px)


class Clipper:
    """Cuts the clips of one video's tracks."""

    def __init__(self, config: ClipperConfig, video_id: str, recipe_id: str, attempt_id: str) -> None:
        """Start before the first frame; the ids go into the rows."""
        self._config = config
        self._video_id, self._recipe_id, self._attempt_id = video_id, recipe_id, attempt_id
        self._windows: dict[int, _Windows] = {}

    def add(
        self,
        frame_index: int,
        pts: int,
        pts_s: float,
        tracked: Sequence[tuple[int, Sighted]],
    ) -> None:
        """Take the faces of a frame.

        Args:
            frame_index: of the video, from 0.
            pts: in the stream's time base.
            pts_s: the same in seconds.
            tracked: what `Tracker.update` gave for the frame.
        """
        for track_index, (face, _, patch) in tracked:
            windows = self._windows.setdefault(track_index, _Windows())
            is_large = face.size_px >= self._config.min_face_px
            windows.has_size |= is_large
            windows.has_sharpness |= is_large and face.sharpness >= self._config.min_sharpness
            # How much of it is hidden is known only now.
            if patch is None or face.occlusion > self._config.max_occlusion:
                continue
            takers = self._takers(windows, pts_s)
            if takers:
                cut = _Cut(frame_index, pts, pts_s, face.quality, patch, face.landmarks_px)
                for taker in takers:
                    taker.cuts.append(cut)

    def end(self, track: FaceTrack) -> Ended:
        """Return the clips of a track that has ended, of all the indices that it was followed under.

        They are made one by one, as they are asked for.
        """
        candidates: list[_Candidate] = []
        seen: list[_Windows] = []
        for track_index in (track.track_index, *track.other_indices):
            windows = self._windows.pop(track_index, _Windows())
            self._close(windows, None)
            candidates += windows.best.values()
            seen.append(windows)
        if track.is_spurious:
            return Ended((), "no face")
        if not candidates:
            return Ended((), _lacking(seen))
        if track.lasts_s < self._config.min_track_s:
            return Ended((), "too short")
        chosen = _choose(candidates, self._config.max_clips_per_track)
        return Ended((self._clip(track, n, candidate.cuts) for n, candidate in enumerate(chosen)), None)

    def _takers(self, windows: _Windows, pts_s: float) -> list[_Open]:
        """Return the windows that want a face at this time, opening those that are due."""
        config = self._config
        self._close(windows, pts_s)
        if not windows.begun:
            windows.start_s = pts_s
        # Those that are over already are passed over at once: the clock may have leapt by years.
        over = (pts_s - windows.start_s - config.window_s) / config.stride_s
        if over > windows.begun:
            windows.begun = math.floor(over)
        while pts_s >= (start_s := windows.start_s + windows.begun * config.stride_s):
            if pts_s < start_s + config.window_s:
                windows.opened.append(_Open(windows.begun, start_s + config.window_s, []))
            windows.begun += 1
        spacing_s = config.window_s / _DENSITY
        return [
            window
            for window in windows.opened
            if not window.cuts or pts_s - window.cuts[-1].pts_s >= spacing_s
        ]

    def _close(self, windows: _Windows, now_s: float | None) -> None:
        """Turn the windows that are over (all, when there is no now) into candidates, and keep the best."""
        closed = [window for window in windows.opened if now_s is None or now_s >= window.end_s]
        windows.opened = [window for window in windows.opened if window not in closed]
        for window in closed:
            if window.cuts:
                lasts_s = window.cuts[-1].pts_s - window.cuts[0].pts_s
                chosen = [window.cuts[n] for n in spread(len(window.cuts), self._config.frames)]
                is_long = lasts_s >= self._config.window_s / 2
                windows.keep(_Candidate(window.number, chosen, is_long), 2 * self._config.max_clips_per_track)

    def _clip(self, track: FaceTrack, clip_index: int, cuts: list[_Cut]) -> ClipCut:
        size_px = self._config.crop_px
        best_frame = max(range(len(cuts)), key=lambda n: cuts[n].quality)
        clip = FaceClip(
            np.stack([cut.patch.crop(size_px) for cut in cuts]),
            np.stack([cut.patch.square.to_crop(cut.landmarks_px, size_px) for cut in cuts]),
            best_frame,
        )
        of_track_id = track_id(self._video_id, self._recipe_id, track.track_index)
        places = [cut.patch.square for cut in cuts]
        squares = [(square.left_px, square.top_px, square.side_px) for square in places]
        record = Clip(
            clip_id=clip_id(of_track_id, clip_index),
            track_id=of_track_id,
            video_id=self._video_id,
            recipe_id=self._recipe_id,
            attempt_id=self._attempt_id,
            clip_index=clip_index,
            start_s=cuts[0].pts_s,
            end_s=cuts[-1].pts_s,
            frame_indices=tuple(cut.frame_index for cut in cuts),
            pts=tuple(cut.pts for cut in cuts),
            crop_xys_px=tuple(float(number) for square in squares for number in square),
            landmarks_crop_px=tuple(clip.landmarks_px.ravel().tolist()),
            best_frame=best_frame,
            quality=sum(cut.quality for cut in cuts) / len(cuts),
            crops_sha256=clip.crops_sha256(),
            evidence=None,
            crop_angles_deg=tuple(square.angle_deg for square in places) if self._config.is_aligned else (),
        )
        return ClipCut(record, clip)


def _lacking(seen: list[_Windows]) -> str:
    """Return why no face of a track can be used: what not even one of them has."""
    if not any(windows.has_size for windows in seen):
        return "too small"
    return "too hidden" if any(windows.has_sharpness for windows in seen) else "too blurred"


def spread(available: int, count: int) -> list[int]:
    """Return the positions of `count` of the available frames, evenly spread from the first to the last.

    This is numpy's `linspace(0, available - 1, count)` truncated, in exact integers.

    Example:
        >>> spread(16, 8)
        [0, 2, 4, 6, 8, 10, 12, 15]
    """
    return [n * (available - 1) // max(1, count - 1) for n in range(count)]


def _choose(candidates: list[_Candidate], count: int) -> list[_Candidate]:
    """Return candidates spread over the track's time, of each part the best one, in order of time.

    Short ones only for want of long ones; a part without any leaves its place to the best of the others.
    """
    if any(candidate.is_long for candidate in candidates):
        candidates = [candidate for candidate in candidates if candidate.is_long]
    candidates = sorted(candidates, key=lambda candidate: candidate.cuts[0].pts)
    first_s, last_s = candidates[0].cuts[0].pts_s, candidates[-1].cuts[0].pts_s
    part_s = (last_s - first_s) / count or 1.0
    ranked = sorted(candidates, key=lambda candidate: candidate.rank, reverse=True)
    best_of_part: dict[int, _Candidate] = {}
    for candidate in ranked:
        best_of_part.setdefault(min(int((candidate.cuts[0].pts_s - first_s) / part_s), count - 1), candidate)
    others = [candidate for candidate in ranked if candidate not in best_of_part.values()]
    chosen = [*best_of_part.values(), *others][:count]
    return [candidate for candidate in candidates if candidate in chosen]
