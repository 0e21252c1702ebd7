import numpy as np
import pytest

from tests.workers.made_faces import Box, made_face, picture, sighted
from workers.faces.face import Face
from workers.tracking.track import FaceTrack
from workers.tracking.tracker import Tracker, TrackerConfig

SIZE = (64.0, 80.0)


def at(x: float, y: float) -> Box:
    return (x, y, *SIZE)


class Film:
    """Shows people to a tracker frame by frame and remembers who was given which index."""

    def __init__(self, fps: float = 8.0, config: TrackerConfig | None = None) -> None:
        self.tracker = Tracker(config or TrackerConfig())
        self.fps = fps
        self.frame = 0
        self.people: dict[int, int] = {}
        """Person by the identity of the landmarks, which a face keeps when it turns out to be hidden."""

    def show(self, people: dict[int, Box], *, unseen: tuple[int, ...] = (), score: float = 0.9) -> list[int]:
        """Show a frame; the unseen are drawn, but not detected. Return the indices, by the seen's order."""
        faces: list[Face] = []
        for person, box in people.items():
            if person not in unseen:
                faces.append(made_face(box, score=score))
                self.people[id(faces[-1].landmarks_px)] = person
        n, self.frame = self.frame, self.frame + 1
        image = picture(people)
        seen = [sighted(face, image) for face in faces]
        return [index for index, _ in self.tracker.update(n, n * 100, n / self.fps, seen)]

    def end(self) -> list[FaceTrack]:
        self.tracker.end_shot()
        return self.tracker.take_ended()

    def persons(self, track: FaceTrack) -> set[int]:
        return {self.people[id(seen.face.landmarks_px)] for seen in track.seen}


@pytest.mark.parametrize("fps", [25.0, 8.0])
def test_two_people_keep_their_identities_when_they_cross(fps: float) -> None:
    film = Film(fps)
    for n in range(round(4 * fps)):
        x = 20 + n / fps * 130
        a, b = at(x, 140), at(540 - (x - 20), 150)
        is_hidden = abs(a[0] - b[0]) < 50  # the first one is behind the second
        film.show({1: a, 2: b}, unseen=(1,) if is_hidden else ())
    tracks = film.end()
    assert [film.persons(track) for track in tracks] == [{1}, {2}]
    assert len(tracks[1].seen) == round(4 * fps)


def test_people_who_change_places_out_of_sight_are_not_taken_for_each_other() -> None:
    film = Film()
    left, right = at(200, 140), at(300, 145)
    for n in range(24):
        places = {1: left, 2: right} if n < 12 else {1: right, 2: left}
        film.show(places, unseen=(1, 2) if 8 < n < 16 else ())
    assert [film.persons(track) for track in film.end()] == [{1}, {2}]


def test_a_face_that_was_away_for_seconds_is_known_again_elsewhere() -> None:
    film = Film()
    for _ in range(8):
        film.show({1: at(100, 100), 2: at(400, 100)})
    for _ in range(24):
        film.show({2: at(400, 100)})
    for _ in range(8):
        film.show({1: at(250, 200), 2: at(400, 100)})
    tracks = film.end()
    assert [film.persons(track) for track in tracks] == [{1}, {2}]
    assert len(tracks[0].seen) == 16


def test_who_hurries_through_the_picture_is_followed() -> None:
    film = Film()
    for n in range(3):
        film.show({1: at(20 + 100 * n, 100)})
    (track,) = film.end()
    assert len(track.seen) == 3


def test_what_comes_before_a_face_hides_it() -> None:
    film = Film()
    for n in range(12):
        people = {1: at(100, 100)}
        if n in (6, 7):
            people[5] = at(170, 100)
        film.show(people, unseen=(5,))
    (track,) = film.end()
    hidden = [seen.face.occlusion for seen in track.seen]
    assert max(hidden[:6] + hidden[8:]) < 0.1
    assert 0.2 < min(hidden[6:8]) < 0.8
    assert track.seen[6].face.quality == pytest.approx(0.5 * (1 - hidden[6]))


def test_absences_are_counted() -> None:
    film = Film()
    for n in range(16):
        film.show({1: at(100, 100), 2: at(400, 100)}, unseen=(1,) if n in (3, 7, 8, 9) else ())
    first, second = film.end()
    assert (first.gaps, second.gaps) == (2, 0)
    assert first.gap_s == pytest.approx(4 / 8)
    assert second.gap_s == 0


def test_somebody_else_in_the_same_place_is_another_track() -> None:
    film = Film()
    for _ in range(8):
        film.show({1: at(100, 100)})
    for _ in range(8):
        film.show({2: at(102, 101)})
    assert [film.persons(track) for track in film.end()] == [{1}, {2}]


def test_a_face_that_comes_back_half_hidden_is_joined_to_its_track() -> None:
    film = Film()
    for _ in range(6):
        film.show({1: at(100, 100)})
    film.show({})
    # Somebody undetected covers most of the face, so that it looks strange for two frames.
    for cover in (20.0, 24.0):
        film.show({1: at(110, 100), 5: at(110 + cover, 96)}, unseen=(5,))
    for n in range(6):
        film.show({1: at(112 + n, 100)})
    (track,) = film.end()
    assert film.persons(track) == {1}
    assert [seen.frame_index for seen in track.seen] == [0, 1, 2, 3, 4, 5, *range(7, 15)]
    assert track.other_indices == [1]


def test_a_cut_ends_all_tracks_and_indices_run_on() -> None:
    film = Film()
    assert film.show({1: at(100, 100), 2: at(300, 100)}) == [0, 1]
    film.show({1: at(100, 100), 2: at(300, 100)})
    first = film.end()
    assert film.show({1: at(100, 100)}) == [2]
    film.show({1: at(100, 100)})
    second = film.end()
    assert [(track.track_index, track.shot_index) for track in first + second] == [(0, 0), (1, 0), (2, 1)]


def test_a_track_ends_when_its_face_is_not_seen_again() -> None:
    film = Film(config=TrackerConfig(max_lost_s=1.0))
    film.show({1: at(100, 100), 2: at(300, 100)})
    for _ in range(8):
        film.show({2: at(300, 100)})
        assert film.tracker.take_ended() == []
    film.show({2: at(300, 100)})
    (ended,) = film.tracker.take_ended()
    assert film.persons(ended) == {1}
    assert film.tracker.take_ended() == []


def test_a_still_and_a_single_certain_face_are_tracks() -> None:
    film = Film()
    film.show({1: at(100, 100)}, score=0.65)
    (still,) = film.end()
    assert not still.is_spurious
    assert still.lasts_s == float("inf")
    for n in range(8):
        film.show({1: at(100, 100)} if n == 4 else {}, score=0.9)
    (moment,) = film.end()
    assert not moment.is_spurious
    assert moment.lasts_s == pytest.approx(1 / 8)


def test_faces_that_overlap_all_through_a_short_shot_are_tracks() -> None:
    film = Film(25.0)
    for _ in range(2):
        film.show({1: at(100, 100), 2: at(140, 110)})
    assert [(film.persons(track), track.is_spurious) for track in film.end()] == [({1}, False), ({2}, False)]


def test_what_is_seen_for_a_moment_where_two_cross_is_spurious() -> None:
    film = Film(25.0)
    for n in range(50):
        # Neither is found while they cover each other; what is found looks like a third.
        a, b = at(50 + 8 * n, 140), at(450 - 8 * n, 140)
        is_crossing = 23 <= n <= 27
        people = {3: at(250, 140)} if is_crossing and n in (24, 25, 26) else {1: a, 2: b}
        film.show(people, unseen=(1, 2) if is_crossing else ())
    assert [(film.persons(track), track.is_spurious) for track in film.end()] == [
        ({1}, False),
        ({2}, False),
        ({3}, True),
    ]


def test_a_doubtful_face_of_a_moment_is_spurious() -> None:
    film = Film()
    for n in range(8):
        film.show({1: at(100, 100)} if n == 4 else {}, score=0.65)
    assert [track.is_spurious for track in film.end()] == [True]


def test_the_same_faces_give_the_same_tracks() -> None:
    def rows() -> list[tuple[int, int, Box]]:
        rng = np.random.default_rng(0)
        film = Film()
        for _ in range(12):
            places = rng.permutation(5)[:4]
            film.show({int(p): at(20 + 120 * float(p) + float(rng.uniform(-9, 9)), 100) for p in places})
        return [
            (track.track_index, seen.frame_index, seen.face.box_xywh_px)
            for track in film.end()
            for seen in track.seen
        ]

    assert rows() == rows()


def test_faces_of_any_size_and_place_are_followed() -> None:
    film = Film()
    for _ in range(3):
        film.show({1: (-30.0, -20.0, 64.0, 80.0), 2: (300.0, 100.0, 3.0, 4.0)})
    assert [film.persons(track) for track in film.end()] == [{1}, {2}]


def test_config_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match=r"tracker\.looks is 0"):
        TrackerConfig(looks=0)
