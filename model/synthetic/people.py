"""Random identities in which sex, age, hair, beard and skin go together as they do in people."""

from dataclasses import fields

import numpy as np
from numpy.random import Generator

from model.synthetic.face import Beard, EyeColour, Face, Glasses, HairColour, HairStyle, Hat, Shape

_SPREAD = {
    "face_width": 0.035, "jaw_width": 0.05, "lower_face": 0.05, "chin": 0.3, "cheeks": 0.4, "cheekbones": 0.3,
    "nose_length": 0.06, "nose_width": 0.11, "nose_height": 0.12, "mouth_width": 0.08, "lips": 0.18,
    "eye_size": 0.05, "eye_opening": 0.11, "brow_ridge": 0.25, "forehead": 0.05, "ears": 0.08,
}  # fmt: skip


def sample_shape(rng: Generator) -> Shape:
    """Return random proportions."""
    drawn = {
        name: float(np.clip(rng.normal(1, spread), 1 - 2.2 * spread, 1 + 2.2 * spread))
        for name, spread in _SPREAD.items()
    }
    assert set(drawn) | {"eye_tilt_mm", "brow_height_mm"} == {field.name for field in fields(Shape)}
    return Shape(
        **drawn,
        eye_tilt_mm=float(rng.normal(1.5, 1.0)),
        brow_height_mm=float(np.clip(rng.normal(0, 1.2), -2, 2.5)),
    )


def sample_face(rng: Generator, age_years: int | None = None) -> Face:
    """Return a random identity, of a given age when one is named."""
    age = int(age_years if age_years is not None else np.clip(rng.gamma(5.5, 7.5), 3, 90))
    is_man = rng.random() < 0.5
    grown = np.clip((age - 11) / 8, 0, 1)
    masculinity = 0.5 + (rng.uniform(0.25, 0.5) if is_man else -rng.uniform(0.25, 0.5)) * (0.3 + 0.7 * grown)
    melanin = float(np.clip(rng.beta(1.3, 2.2), 0, 1))
    return Face(
        shape=sample_shape(rng),
        age_years=age,
        masculinity=float(masculinity),
        melanin=melanin,
        redness=float(rng.beta(2, 2)),
        hair_style=_hair_style(rng, age, is_man),
        hair_colour=_hair_colour(rng, age, melanin),
        eye_colour=_eye_colour(rng, melanin),
        brow_thickness=float(np.clip(rng.normal(1.25 if is_man else 0.85, 0.3), 0.45, 2))
        * (0.6 + 0.4 * float(grown)),
        beard=_beard(rng, age, is_man),
        has_lipstick=not is_man and age >= 16 and rng.random() < 0.45,
        glasses=_glasses(rng, age),
        hat=_hat(rng),
        clothes_rgb=_clothes_rgb(rng),
        texture_seed=int(rng.integers(2**31)),
    )


def _clothes_rgb(rng: Generator) -> tuple[int, int, int]:
    grey, vivid = rng.uniform(25, 200), rng.uniform(0, 0.5)
    red, green, blue = np.clip(grey * (1 + vivid * rng.uniform(-1, 1, 3)), 5, 250).astype(int).tolist()
    return red, green, blue


def _hair_style(rng: Generator, age: int, is_man: bool) -> HairStyle:
    if is_man:
        bald = 0.04 + 0.30 * float(np.clip((age - 35) / 40, 0, 1)) if age > 20 else 0.0
        styles: tuple[HairStyle, ...] = ("bald", "buzz", "short", "swept", "curly", "bangs")
        shares = np.array([bald, 0.2, 0.4, 0.2, 0.08, 0.06])
    else:
        styles = ("long", "bangs", "bun", "short", "curly", "swept")
        shares = np.array([0.42, 0.2, 0.16, 0.08, 0.08, 0.06])
    return styles[int(rng.choice(len(styles), p=shares / shares.sum()))]


def _hair_colour(rng: Generator, age: int, melanin: float) -> HairColour:
    if rng.random() < np.clip((age - 45) / 30, 0, 0.95):
        return "gray"
    colours: tuple[HairColour, ...] = ("black", "brown", "blond", "red")
    fair = np.array([0.22, 0.42, 0.28, 0.08])
    dark = np.array([0.85, 0.15, 0.0, 0.0])
    share = float(np.clip(melanin * 2.2, 0, 1))
    return colours[int(rng.choice(4, p=(1 - share) * fair + share * dark))]


def _eye_colour(rng: Generator, melanin: float) -> EyeColour:
    colours: tuple[EyeColour, ...] = ("brown", "hazel", "green", "blue", "gray")
    fair, dark = np.array([0.3, 0.15, 0.15, 0.3, 0.1]), np.array([0.95, 0.05, 0, 0, 0])
    share = float(np.clip(melanin * 2.2, 0, 1))
    return colours[int(rng.choice(5, p=(1 - share) * fair + share * dark))]


def _beard(rng: Generator, age: int, is_man: bool) -> Beard:
    if not is_man or age < 18:
        return "none"
    beards: tuple[Beard, ...] = ("none", "stubble", "mustache", "goatee", "full")
    return beards[int(rng.choice(5, p=[0.45, 0.17, 0.1, 0.1, 0.18]))]


def _glasses(rng: Generator, age: int) -> Glasses:
    share = 0.12 + 0.35 * float(np.clip((age - 30) / 50, 0, 1))
    if rng.random() >= share:
        return "none"
    glasses: tuple[Glasses, ...] = ("round", "square")
    return glasses[int(rng.integers(2))]


def _hat(rng: Generator) -> Hat:
    hats: tuple[Hat, ...] = ("none", "beanie", "cap")
    return hats[int(rng.choice(3, p=[0.86, 0.08, 0.06]))]
