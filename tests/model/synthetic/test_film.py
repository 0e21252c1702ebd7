"""Films: shots, movement, and labels."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from model.prompting.labels import ACTION_UNITS, ATTRIBUTES, EXPRESSIONS
from model.synthetic.film import Film, sample_film
from model.synthetic.scene import ACTIVE_UNIT, sample_action_units

NAMES = tuple(label.name for label in EXPRESSIONS)


@pytest.fixture(scope="module")
def film() -> Film:
    rng = np.random.default_rng(11)
    return sample_film(
        rng, "a.mp4", size_px=(320, 180), seconds=0.6, people=2, has_cut=True, manipulated_share=0.5
    )


def test_a_film_has_its_frames_and_a_cut(film: Film) -> None:
    frames = [picture.astype(np.float32) for picture, _ in film.pictures()]
    assert len(frames) == sum(film.lengths) == round(0.6 * film.fps)
    assert frames[0].shape == (180, 320, 3)
    steps = [float(np.abs(after - before).mean()) for before, after in pairwise(frames)]
    assert int(np.argmax(steps)) == film.lengths[0] - 1
    assert max(steps) > 3 * float(np.median(steps))


def test_a_film_drawn_again_is_the_same(film: Film) -> None:
    (first, truth), (again, _) = next(film.pictures()), next(film.pictures())
    assert np.array_equal(first, again)
    assert len(truth) == 2


def test_labels_say_who_is_where_and_when(film: Film) -> None:
    labels = film.labels()
    assert [label.face for label in labels] == list(range(len(labels)))
    assert len(labels) == sum(len(shot.people) for shot in film.shots)
    cut_s = film.lengths[0] / film.fps
    assert {(label.start_s, label.end_s) for label in labels} == {
        (0.0, cut_s),
        (cut_s, sum(film.lengths) / film.fps),
    }
    for label in labels:
        assert label.expression in {known.name for known in EXPRESSIONS}
        assert set(label.attributes) <= {known.name for known in ATTRIBUTES}
        assert label.is_manipulated == (label.manipulation is not None)
        assert -20 < label.x_px < 320
        assert 20 < label.w_px < 180


def test_people_of_a_shot_do_not_cover_each_other() -> None:
    film = sample_film(
        np.random.default_rng(2), "b.mp4", size_px=(640, 360), seconds=1, people=3, has_cut=False
    )
    boxes = [truth.box_xywh_px for truth in film.shots[0].truths_at(0.5)]
    for left, right in pairwise(boxes):
        assert left[0] + left[2] < right[0]


def test_located_truth_is_the_drawn_one(film: Film) -> None:
    shot = film.shots[0]
    _, drawn = shot.picture_at(0.2, 3)
    for one, other in zip(drawn, shot.truths_at(0.2), strict=True):
        np.testing.assert_allclose(one.landmarks_px, other.landmarks_px, atol=1e-3)


def test_an_empty_film_has_pictures_and_no_labels() -> None:
    film = sample_film(
        np.random.default_rng(0), "c.mp4", size_px=(160, 90), seconds=0.5, people=0, has_cut=False
    )
    assert film.labels() == []
    picture, truths = next(film.pictures())
    assert picture.std() > 1
    assert truths == ()


def test_every_action_unit_of_the_questions_is_drawn() -> None:
    rng = np.random.default_rng(0)
    drawn = [(name, sample_action_units(rng, name)) for name in 30 * NAMES]
    shown = {number for _, units in drawn for number, apex in units.items() if apex >= ACTIVE_UNIT}
    assert {f"AU{number}" for number in shown} >= {label.name for label in ACTION_UNITS}
    assert {name for name, units in drawn if 14 in units} == {"neutral", "anger", "sadness"}


def test_who_talks_parts_the_lips() -> None:
    shot = sample_film(
        np.random.default_rng(5), "d.mp4", size_px=(160, 90), seconds=0.5, people=1, has_cut=False
    ).shots[0]
    silent = replace(shot.people[0], action_units={}, talk_hz=0.0)
    talking = replace(silent, talk_hz=3.0)
    assert silent.shown_units == ()
    assert talking.shown_units == ("AU25",)
    assert set(talking.attributes) - set(silent.attributes) == {"mouth_slightly_open"}
    assert max(talking.expression_at(number / 25).talk for number in range(50)) > 0.5
