from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.workers.made_faces import Box, made_face, picture
from workers.faces.appearance import Gallery, Look, look_of

HERE: Box = (200, 100, 80, 100)


def look(person: int, box: Box = HERE, *, covered: bool = False, blur: float = 0.0) -> Look:
    image = picture({person: box})
    if covered:
        image[:, : round(box[0] + box[2] * 0.35)] = (20, 200, 40)
    if blur:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), blur), np.uint8)
    return look_of(image, made_face(box))


def test_a_face_looks_the_same_elsewhere_and_at_another_size() -> None:
    gallery = Gallery(look(1), size=4)
    assert gallery.distance(look(1)) < 0.05
    assert gallery.distance(look(1, (330, 40, 80, 100))) < 0.1
    assert gallery.distance(look(1, (330, 40, 120, 150))) < 0.2
    assert gallery.distance(look(1, blur=3)) < 0.3


def test_other_people_look_different() -> None:
    gallery = Gallery(look(1), size=4)
    assert min(gallery.distance(look(person)) for person in range(2, 8)) > 0.65


def test_a_half_hidden_face_is_still_known() -> None:
    assert Gallery(look(1), size=4).distance(look(1, covered=True)) < 0.5
    assert Gallery(look(1), size=4).distance(look(2, covered=True)) > 0.65


def test_a_turned_picture_of_a_face_is_turned_upright() -> None:
    image = picture({1: HERE})
    middle = (HERE[0] + HERE[2] / 2, HERE[1] + HERE[3] / 2)
    turn = cv2.getRotationMatrix2D(middle, -30, 1.0)  # OpenCV's angles are counter-clockwise
    face = made_face(HERE)
    points = face.landmarks_px @ turn[:, :2].T + turn[:, 2]
    turned = made_face(HERE, roll_deg=30)
    turned.landmarks_px[...] = points
    seen = look_of(np.asarray(cv2.warpAffine(image, turn, (640, 360)), np.uint8), turned)
    assert Gallery(look(1), size=4).distance(seen) < 0.3


def test_a_gallery_keeps_different_looks_and_replaces_like_ones() -> None:
    gallery = Gallery(look(1), size=3)
    gallery.add(look(1, (300, 100, 80, 100)))
    assert len(gallery) == 1
    for person in (2, 3, 4):
        gallery.add(look(person))
    assert len(gallery) == 3
    assert gallery.distance(look(4)) < 0.1


def named(of: Look, *identity: float) -> Look:
    return replace(of, identity=np.array(identity, np.float32))


def test_identities_outweigh_looks() -> None:
    """One way and the other, and for looks that were taken in beside the first and in its place."""
    gallery = Gallery(named(look(1), 1, 0), size=2)
    assert gallery.distance(named(look(1), -1, 0)) > 1
    assert gallery.distance(named(look(2), 1, 0)) < 0.01
    gallery.add(named(look(1), 0, 1))
    assert len(gallery) == 2
    assert gallery.distances(named(look(3), 0, 1)) == pytest.approx([0.9, 0], abs=0.01)
    gallery.add(named(look(1), 0.6, 0.8))  # in the place of the last one
    assert gallery.distances(named(look(1), 0.6, 0.8)) == pytest.approx([0.36, 0], abs=0.01)
    assert [known.identity.tolist() for known in gallery.looks if known.identity is not None] == [
        [1, 0],
        pytest.approx([0.6, 0.8]),
    ]
