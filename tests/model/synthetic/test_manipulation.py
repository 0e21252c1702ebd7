"""Forgeries change the face and nothing else."""

import numpy as np
import pytest

from model.synthetic.canvas import Picture
from model.synthetic.manipulation import KINDS, Kind, Manipulation, manipulate, outline
from model.synthetic.render import Truth, render_face
from tests.model.synthetic.faces import PLAIN


@pytest.fixture(scope="module")
def original() -> tuple[Picture, Truth]:
    rendered = render_face(PLAIN, size=256)
    grain = np.random.default_rng(0).normal(0, 4, rendered.picture.shape)
    return np.clip(rendered.picture + grain, 0, 255).astype(np.uint8), rendered.truth


def _forged(original: tuple[Picture, Truth], kind: Kind, frame: int = 0, strength: float = 0.8) -> Picture:
    picture = original[0].copy()
    manipulate(picture, original[1], Manipulation(kind, strength, seed=5), frame)
    return picture


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_face_changes_and_the_same_way_each_time(
    original: tuple[Picture, Truth], kind: Kind
) -> None:
    forged = _forged(original, kind)
    assert np.array_equal(forged, _forged(original, kind))
    changed = np.abs(forged.astype(int) - original[0]).max(2)
    inside = outline(changed.shape, original[1].landmarks_px, 0.1, 1.15)[..., 0] > 0.02
    assert changed[inside].mean() > 1
    assert changed[~inside].mean() < 0.05


@pytest.mark.parametrize(
    ("kind", "is_restless"), [("flicker", True), ("mouth_warp", True), ("colour_mismatch", False)]
)
def test_what_moves_with_time(original: tuple[Picture, Truth], kind: Kind, is_restless: bool) -> None:
    assert np.array_equal(_forged(original, kind, 1), _forged(original, kind, 4)) != is_restless


def test_strength_counts(original: tuple[Picture, Truth]) -> None:
    weak, strong = (
        np.abs(_forged(original, "colour_mismatch", 0, strength).astype(int) - original[0]).mean()
        for strength in (0.3, 1)
    )
    assert strong > 1.5 * weak


def test_a_forgery_beyond_the_picture_does_nothing(original: tuple[Picture, Truth]) -> None:
    elsewhere = Truth((900.0, 900.0, 50.0, 50.0), original[1].landmarks_px + 900, original[1].pose)
    picture = original[0].copy()
    manipulate(picture, elsewhere, Manipulation("flicker"), 0)
    assert np.array_equal(picture, original[0])


@pytest.mark.parametrize("strength", [0.0, 1.5])
def test_an_impossible_strength_is_refused(strength: float) -> None:
    with pytest.raises(ValueError, match="strength"):
        Manipulation("flicker", strength)
