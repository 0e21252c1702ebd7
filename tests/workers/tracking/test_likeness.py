import numpy as np
from trackers.core.ocsort.tracklet import OCSORTTracklet

from tests.workers.made_faces import Box, made_face, picture
from workers.faces.appearance import Gallery, look_of
from workers.tracking.likeness import Found, Likeness
from workers.tracking.track import FaceTrack, Seen

HERE: Box = (100, 100, 64, 80)


def found(person: int, box: Box, *, is_crowded: bool = False) -> Found:
    x, y, w, h = box
    face = made_face(box)
    return Found(face, np.array([x, y, x + w, y + h]), look_of(picture({person: box}), face), is_crowded)


def likeness_to_first(*faces: Found) -> list[float]:
    """Return the likeness of faces to person 1, who was seen here in the frame before."""
    seen = found(1, HERE)
    tracklet = OCSORTTracklet(seen.box_xyxy)
    track = FaceTrack(0, 0, [Seen(0, 0, 0.0, seen.face)], Gallery(seen.look, 4))
    likeness = Likeness(lambda: [tracklet], reach=0.6, speed=3.0, strange=0.58, strange_in_place=0.95)
    likeness.expect({tracklet: track}, faces)
    return likeness.compute(seen.box_xyxy[None], np.stack([face.box_xyxy for face in faces]))[0].tolist()


def test_the_same_face_is_liker_the_nearer_it_is() -> None:
    here, near, far = likeness_to_first(
        found(1, HERE), found(1, (110, 100, 64, 80)), found(1, (130, 100, 64, 80))
    )
    assert 5 >= here > near > far >= 1


def test_another_face_is_not_it() -> None:
    assert likeness_to_first(found(2, HERE), found(2, (130, 100, 64, 80))) == [0, 0]


def test_the_same_face_out_of_reach_or_of_another_size_is_not_it() -> None:
    assert likeness_to_first(found(1, (200, 100, 64, 80)), found(1, (100, 100, 128, 160))) == [0, 0]


def test_nothing_to_compare() -> None:
    likeness = Likeness(list[OCSORTTracklet], reach=0.6, speed=3.0, strange=0.58, strange_in_place=0.95)
    assert likeness.compute(np.empty((0, 4)), np.empty((2, 4))).shape == (0, 2)
