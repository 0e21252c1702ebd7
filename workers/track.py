"""A face followed through a shot, and the rows that it becomes."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from storage import records
from workers.appearance import Gallery, Look
from workers.face import Face

_COVERED = 0.15
"""Share of a face from which what hides it is no look of it,"""
_COVER_S = 2.0
"""unless it stays for so many seconds."""


class Seen(NamedTuple):
    """A face at its moment: frame number from 0, pts in the stream's time base, and in seconds."""

    frame_index: int
    pts: int
    pts_s: float
    face: Face


@dataclass(slots=True, eq=False)
class FaceTrack:
    """A face followed within one shot, in order of time.

    Attributes:
        track_index: running over the video; numbers of tracks that turned out to be part of another are not
            used again.
        shot_index: of the shot, from 0.
        seen: at least one.
        gallery: its looks.
        other_indices: under which `Tracker.update` gave parts of it before it was recognised.
        clear: its looks without much before it, while it is followed.
        clear_s: when it was last seen so.
        is_crowded: it first appeared over another face, as mixtures of two crossing faces do.
        is_spurious: taken for no face after all; known once the track has ended.
        lasts_s: seconds that it is seen, the last frame counting until the next at the shot's mean rate;
            infinite in a shot of one frame; known once the track has ended.
        gaps: times that it was not seen in frames between; known once the track has ended.
        gap_s: seconds in them.
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
    gaps: int = 0
    gap_s: float = 0.0

    @property
    def first(self) -> Seen:
        """Where it begins."""
        return self.seen[0]

    @property
    def last(self) -> Seen:
        """Where it ends."""
        return self.seen[-1]

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
        frames=len(track.seen),
        quality=sum(seen.face.quality for seen in track.seen) / len(track.seen),
        no_clip_reason=no_clip_reason,
        duration_s=track.lasts_s if math.isfinite(track.lasts_s) else None,
        gaps=track.gaps,
        gap_s=track.gap_s,
        person_id=records.person_id(video_id, recipe_id, person_index),
        embedding=None if embedding is None else tuple(embedding.tolist()),
    )


def box_rows(track: FaceTrack, video_id: str, recipe_id: str, attempt_id: str) -> Iterator[records.Box]:
    """Yield the rows of `boxes` of a track, in order of time."""
    of_track_id = records.track_id(video_id, recipe_id, track.track_index)
    for seen in track.seen:
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
