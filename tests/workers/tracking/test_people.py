import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.workers.made_faces import made_face, picture
from workers.faces.appearance import Gallery, look_of
from workers.tracking.people import People, distance
from workers.tracking.track import FaceTrack, Seen

ALIKE = 0.62


def track(
    index: int, shot: int, person: int, frames: tuple[int, int], *, light: int = 0, name: int = 0
) -> FaceTrack:
    """Return a track of somebody from a frame to a frame; where a name is given, with its identity."""
    box = (100.0 + 20 * index, 60.0, 64.0, 80.0)
    face = made_face(box)
    lit = np.clip(picture({person: box}).astype(int) + light, 0, 255).astype(np.uint8)
    seen = [Seen(frame, frame, frame / 8, face) for frame in range(frames[0], frames[1] + 1)]
    look = look_of(lit, face)
    if name:
        look = replace(look, identity=np.eye(8, dtype=np.float32)[name])
    return FaceTrack(index, shot, seen, Gallery(look, 6))


def people(tracks: Sequence[FaceTrack], alike: float = ALIKE) -> list[int]:
    """Return the person of each track, of which all of a shot are told at once."""
    known = People(alike)
    found: list[int] = []
    for _, shot in itertools.groupby(tracks, lambda track: track.shot_index):
        found += known.add(list(shot))
    return found


def test_identities_say_who_is_who_where_there_are_some() -> None:
    lookalikes = [track(0, 0, 1, (0, 9), name=1), track(1, 1, 1, (10, 19), name=2)]
    assert people(lookalikes) == [0, 1]
    masked = [track(0, 0, 1, (0, 9), name=1), track(1, 1, 2, (10, 19), name=1)]
    assert people(masked) == [0, 0]


def test_people_are_known_again_after_a_cut() -> None:
    tracks = [
        track(0, 0, 1, (0, 9)),
        track(1, 0, 2, (0, 9)),
        track(2, 1, 2, (10, 19), light=15),
        track(3, 2, 3, (20, 29)),
        track(4, 2, 1, (20, 29), light=-15),
    ]
    assert people(tracks) == [0, 1, 1, 2, 0]


def test_who_comes_back_within_a_shot_is_the_same_person() -> None:
    assert people([track(0, 0, 1, (0, 9)), track(1, 0, 2, (5, 9)), track(2, 0, 1, (100, 109))]) == [0, 1, 0]


def test_who_is_seen_at_once_is_not_one_person_however_alike() -> None:
    assert people([track(0, 0, 1, (0, 9)), track(1, 0, 1, (5, 9))]) == [0, 1]
    again = [track(0, 0, 1, (0, 9)), track(1, 1, 1, (10, 19)), track(2, 1, 1, (12, 19))]
    assert people(again)[0] == people(again)[1]
    assert people(again)[2] != people(again)[1]


def test_who_is_known_does_not_depend_on_how_many_are_told_at_once() -> None:
    """All of a shot come at once, or as they end; who is seen beside whom is known all the same."""
    tracks = [
        track(0, 0, 1, (0, 9)),
        track(1, 1, 2, (10, 14)),
        track(2, 1, 1, (10, 19)),
        track(3, 1, 1, (16, 19)),
        track(4, 2, 2, (20, 29)),
    ]
    one_by_one = People(ALIKE)
    assert [index for one in tracks for index in one_by_one.add([one])] == people(tracks) == [0, 1, 0, 2, 1]


def test_only_the_last_people_and_tracks_are_kept() -> None:
    kept = People(ALIKE)
    assert [kept.add([track(n, n, 1, (10 * n, 10 * n + 9))]) for n in range(9)] == [[0]] * 9
    (person,) = kept._people  # pyright: ignore[reportPrivateUsage]
    assert [one.track_index for one in person.tracks] == [3, 4, 5, 6, 7, 8]
    assert person.spans == [(80, 89)]


def test_the_most_alike_are_joined_first() -> None:
    """Both look enough like the one who is known; the later of them is the one."""
    known, near, nearest = (
        track(0, 0, 1, (0, 9)),
        track(1, 1, 1, (10, 19), light=60),
        track(2, 1, 1, (10, 19)),
    )
    assert distance(near, known) < ALIKE
    assert people([known, near, nearest]) == [0, 1, 0]


def test_nobody_is_joined_where_it_is_not_wanted() -> None:
    assert people([track(0, 0, 1, (0, 9)), track(1, 1, 1, (10, 19))], 0) == [0, 1]
    assert not People(ALIKE).add([])


@pytest.mark.parametrize("count", [1, 7])
def test_people_are_numbered_without_gaps(count: int) -> None:
    tracks = [track(n, n // 3, n, (10 * n, 10 * n + 9)) for n in range(count)]
    assert sorted(people(tracks)) == list(range(count))
