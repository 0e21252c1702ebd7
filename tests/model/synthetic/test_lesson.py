import numpy as np

from model.synthetic.lesson import LessonConfig, sample_lesson

CONFIG = LessonConfig(shots=3, seconds=(0.3, 0.4))


def test_a_lesson_is_short_shots_whose_expressions_are_known_to_be_there() -> None:
    lesson = sample_lesson(3, 5, CONFIG)
    labels = lesson.film.labels()
    assert len(lesson.film.shots) == 3
    assert len(labels) == len(lesson.shown_from_s)
    assert all(label.end_s - label.start_s <= 0.5 for label in labels)
    people = [person for shot in lesson.film.shots for person in shot.people]
    for person, shown_from_s in zip(people, lesson.shown_from_s, strict=True):
        shown = person.expression_at(shown_from_s).action_units
        assert all(shown[unit] > 0.5 * apex for unit, apex in person.action_units.items())


def test_the_numbers_decide_the_pictures() -> None:
    one, same, other = (next(sample_lesson(3, number, CONFIG).film.pictures())[0] for number in (5, 5, 6))
    np.testing.assert_array_equal(one, same)
    assert one.shape != other.shape or (one != other).any()
