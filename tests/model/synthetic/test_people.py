"""Random identities."""

import numpy as np

from model.synthetic.people import sample_face


def test_a_seed_gives_the_same_people() -> None:
    first, again = (sample_face(np.random.default_rng(3)) for _ in range(2))
    assert first == again


def test_people_vary_and_stay_plausible() -> None:
    rng = np.random.default_rng(0)
    people = [sample_face(rng) for _ in range(400)]
    men = [face for face in people if face.masculinity > 0.5]
    assert 0.4 < len(men) / len(people) < 0.6
    assert {face.age_years // 20 for face in people} >= {0, 1, 2, 3}
    assert all(face.beard == "none" for face in people if face.masculinity < 0.5 or face.age_years < 18)
    assert not any(face.has_lipstick for face in men)
    gray = [
        np.mean([face.hair_colour == "gray" for face in people if low <= face.age_years < low + 25])
        for low in (15, 60)
    ]
    assert gray[1] > gray[0] + 0.3
    assert len({face.hair_style for face in people}) == 8
    assert all(sample_face(rng, age_years=7).age_years == 7 for _ in range(3))
