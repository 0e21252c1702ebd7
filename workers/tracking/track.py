"""A face followed through a shot, and the rows that it becomes."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import NamedTuple

from storage import records
from workers.faces.appearance import Gallery, Look
from workers.faces.face import Face

_COVERED = 0.15
"""Share of a face from which what hides it is no look of it,"""
_COVER_S = 2.0
"""unless it stays for so many seconds."""


class Seen(NamedTuple):
    """A face at its moment: frame number from 0, pts in the stream's time base, and in seconds.

    `place` is the number of the frame among those of its shot that were looked at.
    """

    frame_index: int
    pts: int
    pts_s: float
    face: Face
    place: int = 0


@dataclass(slots=True)
class Sums:
    """What a track's row needs of its boxes, added up in order of time so that it does not need them."""

    boxes: int = 0
    quality: float = 0.0
    best_score: float = 0.0
    gaps: int = 0
    gap_s: float = 0.0

    def add(self, seen: Seen, after: Seen | None) -> None:
        """Add a box; `after` is the track's next one, None for its last."""
        self.boxes += 1
        self.quality += seen.face.quality
        self.best_score = max(self.best_score, seen.face.score)
        missed = 0 if after is None else after.place - seen.place - 1
        if after is not None and missed > 0:
            self.gaps += 1
            # The frame before counts until the next, as everywhere.
            self.gap_s += (after.pts_s - seen.pts_s) * missed / (missed + 1)


@dataclass(slots=True, eq=False)
class FaceTrack:
    """A face followed within one shot, in order of time.

    Attributes:
        track_index: running over the video; numbers of tracks that turned out to be part of another are not
            used again.
        shot_index: of the shot, from 0.
        seen: what has not been handed on; at least one while it is followed.
        gallery: its looks.
        other_indices: under which `Tracker.update` gave parts of it before it was recognised.
        clear: its looks without much before it, while it is followed.
        clear_s: when it was last seen so.
        is_crowded: it first appeared over another face, as mixtures of two crossing faces do.
        is_spurious: taken for no face after all; known once the track has ended.
        lasts_s: seconds that it is seen, the last frame counting until the next at the shot's mean rate;
            infinite in a shot of one frame; known once the track has ended.
        past: sums over what has been handed on.
        begun: where it begins, once that has been handed on.
        ended: where it ends, once everything has been handed on.
    """

    track_index: int
    shot_index: int
    seen: list[Seen]
    gallery: Gallery
    other_indices: list[int] = field(default_factory=list[int])
    clear: Gallery | None = None
    clear_s: float = 0.0
    is_crowded: bool = False
    is_spurious: bool = False
    lasts_s: float = 0.0
    past: Sums = field(default_factory=Sums)
    begun: Seen | None = None
    ended: Seen | None = None

    @property
    def first(self) -> Seen:
        """Where it begins."""
        return self.begun or self.seen[0]

    @property
    def last(self) -> Seen:
        """Where it ends."""
        return self.ended or self.seen[-1]

    @property
    def boxes(self) -> int:
        """How often it was seen."""
        return self.past.boxes + len(self.seen)

    @property
    def sums(self) -> Sums:
        """Sums over all of it."""
        sums = replace(self.past)
        for seen, after in zip_longest(self.seen, self.seen[1:]):
            sums.add(seen, after)
        return sums

    @property
    def gaps(self) -> int:
        """Times that it was not seen in frames between."""
        return self.sums.gaps

    @property
    def gap_s(self) -> float:
        """Seconds in them."""
        return self.sums.gap_s

    def hand_on(self, keep: int = 0) -> list[Seen]:
        """Return what has been seen but for the last few, and remember only sums over it."""
        count = max(0, len(self.seen) - keep)
        if not count:
            return []
        handed, kept = self.seen[:count], self.seen[count:]
        for seen, after in zip_longest(handed, [*handed[1:], *kept[:1]]):
            self.past.add(seen, after)
        self.begun = self.first
        self.ended = None if kept else handed[-1]
        self.seen = kept
        return handed

    def hidden_share(self, look: Look, pts_s: float) -> float:
        """Return how much of the face something new hides in its next look, and remember the look if little.

        What stays for long is how the face looks now.
        """
        if self.clear is None:
            return 0.0
        share = self.clear.hidden_share(look)
        if share <= _COVERED or pts_s - self.clear_s > _COVER_S:
            self.clear.add(look)
            self.clear_s = pts_s
        return share

    def take_over(self, part: "FaceTrack") -> None:
        """Make a later track part of this one."""
        assert not part.past.boxes, "what was handed on under another index cannot be called back"
        self.seen.extend(part.seen)
        self.other_indices += [part.track_index, *part.other_indices]


def track_row(
    track: FaceTrack,
    video_id: str,
    recipe_id: str,
    attempt_id: str,
    no_clip_reason: str | None,
    *,
    person_index: int,
    stores_embedding: bool = False,
) -> records.Track:
    """Return the row of `tracks` for a track that has ended."""
    embedding = track.gallery.embedding if stores_embedding else None
    sums = track.sums
    return records.Track(
        track_id=records.track_id(video_id, recipe_id, track.track_index),
        video_id=video_id,
        recipe_id=recipe_id,
        attempt_id=attempt_id,
        track_index=track.track_index,
        shot_index=track.shot_index,
        start_s=track.first.pts_s,
        end_s=track.last.pts_s,
        start_frame=track.first.frame_index,
        end_frame=track.last.frame_index,
        frames=sums.boxes,
        quality=sums.quality / sums.boxes,
        no_clip_reason=no_clip_reason,
        duration_s=track.lasts_s if math.isfinite(track.lasts_s) else None,
        gaps=sums.gaps,
        gap_s=sums.gap_s,
        person_id=records.person_id(video_id, recipe_id, person_index),
        embedding=None if embedding is None else tuple(embedding.tolist()),
    )


def box_rows(
    track_index: int, boxes: Iterable[Seen], video_id: str, recipe_id: str, attempt_id: str
) -> Iterator[records.Box]:
    """Yield rows of `boxes` of a track."""
    of_track_id = records.track_id(video_id, recipe_id, track_index)
    for seen in boxes:
        x_px, y_px, w_px, h_px = seen.face.box_xywh_px
        yield records.Box(
            track_id=of_track_id,
            video_id=video_id,
            recipe_id=recipe_id,
            attempt_id=attempt_id,
            frame_index=seen.frame_index,
            pts=seen.pts,
            pts_s=seen.pts_s,
            x_px=x_px,
            y_px=y_px,
            w_px=w_px,
            h_px=h_px,
            score=seen.face.score,
            quality=seen.face.quality,
            sharpness=seen.face.sharpness,
            yaw_deg=seen.face.yaw_deg,
            pitch_deg=seen.face.pitch_deg,
            roll_deg=seen.face.roll_deg,
            landmarks_px=tuple(seen.face.landmarks_px.ravel().tolist()),
            occlusion=seen.face.occlusion,
        )
