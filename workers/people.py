"""Who is who among the tracks of one video: the same person before and after a cut, or away for long.

A track is what was followed without a break; a person is what appearance takes several tracks for, which is
weaker evidence. Two tracks of which one begins before the other has ended are never one person. Shot by shot,
those who look most alike are joined first; of people long gone only the last ones are remembered.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workers.track import FaceTrack

_REMEMBERED = 200
"""People that a track is compared with, those seen last."""
_RECENT = 6
"""Tracks by which a person is known again, the last ones."""


@dataclass(slots=True, eq=False)
class _Person:
    index: int
    tracks: list[FaceTrack]

    def distance(self, track: FaceTrack) -> float:
        """Return how unlike a track is to the tracks known; infinite when it cannot be this person."""
        if any(_is_beside(track, known) for known in self.tracks[-_REMEMBERED:]):
            return np.inf
        return min(distance(track, known) for known in self.tracks[-_RECENT:])


def distance(track: FaceTrack, other: FaceTrack) -> float:
    """Return how unlike two tracks look: of each look of the one the nearest of the other, their median.

    The smaller of both ways round, for the one may have shown more sides.
    """
    table = np.stack([other.gallery.distances(look) for look in track.gallery.looks])
    return float(min(np.median(table.min(axis=1)), np.median(table.min(axis=0))))


def people_of(tracks: Sequence[FaceTrack], alike: float) -> list[int]:
    """Return each track's person, numbered from 0 in the order of the tracks' indices.

    Args:
        tracks: of one video, ended, in any order.
        alike: distance of looks up to which two tracks are one person; 0 makes everyone a stranger.
    """
    people: list[_Person] = []
    of_track: dict[int, int] = {}
    for shot in _shots(tracks):
        known = people[-_REMEMBERED:]
        left = _join_best(shot, known, alike)
        for track in left:
            # Somebody who came back within the shot, or is new.
            begun = [person for person in people[-_REMEMBERED:] if person not in known]
            if _join_best([track], begun, alike):
                people.append(_Person(len(people), [track]))
        # The last ones seen are last.
        seen = {id(track) for track in shot}
        people.sort(key=lambda person: id(person.tracks[-1]) in seen)
    for person in people:
        of_track.update((track.track_index, person.index) for track in person.tracks)
    return [of_track[track.track_index] for track in tracks]


def _shots(tracks: Sequence[FaceTrack]) -> list[list[FaceTrack]]:
    shots: dict[int, list[FaceTrack]] = {}
    for track in sorted(tracks, key=lambda track: track.track_index):
        shots.setdefault(track.shot_index, []).append(track)
    return [shots[index] for index in sorted(shots)]


def _join_best(tracks: Sequence[FaceTrack], people: Sequence[_Person], alike: float) -> list[FaceTrack]:
    """Give tracks to the people whom they look like, the most alike first; return those that are left."""
    pairs = [
        (person.distance(track), n, k) for n, track in enumerate(tracks) for k, person in enumerate(people)
    ]
    joined: set[int] = set()
    for unlike, n, k in sorted(pairs):
        if unlike >= alike:
            break
        if n not in joined and not any(_is_beside(tracks[n], known) for known in people[k].tracks):
            people[k].tracks.append(tracks[n])
            joined.add(n)
    return [track for n, track in enumerate(tracks) if n not in joined]


def _is_beside(track: FaceTrack, other: FaceTrack) -> bool:
    return (
        track.first.frame_index <= other.last.frame_index
        and other.first.frame_index <= track.last.frame_index
    )
