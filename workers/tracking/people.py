"""Who is who among the tracks of one video: the same person before and after a cut, or away for long.

A track is what was followed without a break; a person is what appearance takes several tracks for, which is
weaker evidence. Two tracks of which one begins before the other has ended are never one person. Shot by shot,
those who look most alike are joined first; of people long gone only the last ones are remembered.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workers.tracking.track import FaceTrack

_REMEMBERED = 200
"""People that a track is compared with, those seen last."""
_RECENT = 6
"""Tracks by which a person is known again, the last ones."""


@dataclass(slots=True, eq=False)
class _Person:
    """Somebody, and the last tracks of them.

    Attributes:
        index: running over the video.
        tracks: the last ones.
        spans: first and last frames of all tracks in the latest shot; those of earlier ones are before it.
    """

    index: int
    tracks: deque[FaceTrack]
    spans: list[tuple[int, int]]

    def add(self, track: FaceTrack) -> None:
        self.tracks.append(track)
        self.spans.append((track.first.frame_index, track.last.frame_index))

    def is_beside(self, track: FaceTrack) -> bool:
        """Say whether this person was seen while a track was followed, and so cannot be in it."""
        return any(
            track.first.frame_index <= last and first <= track.last.frame_index for first, last in self.spans
        )

    def distance(self, track: FaceTrack) -> float:
        """Return how unlike a track is to the tracks known; infinite when it cannot be this person."""
        if self.is_beside(track):
            return np.inf
        return min(distance(track, known) for known in self.tracks)


def distance(track: FaceTrack, other: FaceTrack) -> float:
    """Return how unlike two tracks look: of each look of the one the nearest of the other, their median.

    The smaller of both ways round, for the one may have shown more sides.
    """
    table = np.stack([other.gallery.distances(look) for look in track.gallery.looks])
    return float(min(np.median(table.min(axis=1)), np.median(table.min(axis=0))))


class People:
    """The people of one video, as far as they may be met again: memory does not grow with its length.

    Args:
        alike: distance of looks up to which two tracks are one person; 0 makes everyone a stranger.
    """

    def __init__(self, alike: float) -> None:
        self._alike = alike
        self._people: list[_Person] = []
        self._count = 0
        self._shot_index = -1

    def add(self, tracks: Sequence[FaceTrack]) -> list[int]:
        """Return the person of each track, numbered from 0.

        Args:
            tracks: of one shot, ended, by their indices: all, or as many as can be kept waiting. Shots come
                in their order.
        """
        known = self._people[-_REMEMBERED:]
        if tracks and tracks[0].shot_index != self._shot_index:
            self._shot_index = tracks[0].shot_index
            for person in known:
                person.spans.clear()
        begun: list[_Person] = []
        found = self._joined(tracks, known)
        for track in tracks:
            # Somebody who came back within the shot, or is new.
            if track.track_index not in found:
                found |= self._joined([track], begun[-_REMEMBERED:])
            if track.track_index not in found:
                person = _Person(self._count, deque(maxlen=_RECENT), [])
                person.add(track)
                begun.append(person)
                found[track.track_index] = person.index
                self._count += 1
        # The last ones seen are last.
        self._people = sorted([*known, *begun], key=lambda person: bool(person.spans))
        return [found[track.track_index] for track in tracks]

    def _joined(self, tracks: Sequence[FaceTrack], people: Sequence[_Person]) -> dict[int, int]:
        """Give tracks to the people whom they look like, the most alike first; return who got which index."""
        pairs = [
            (person.distance(track), n, k)
            for n, track in enumerate(tracks)
            for k, person in enumerate(people)
        ]
        joined: dict[int, int] = {}
        for unlike, n, k in sorted(pairs):
            if unlike >= self._alike:
                break
            track, person = tracks[n], people[k]
            if track.track_index not in joined and not person.is_beside(track):
                person.add(track)
                joined[track.track_index] = person.index
        return joined
