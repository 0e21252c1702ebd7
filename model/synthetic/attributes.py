"""CelebA's attributes that a drawn face shows, under the lower-case names of the questions."""

from collections.abc import Mapping

from model.synthetic.face import Face
from model.synthetic.hair import recession

ATTRIBUTES = (
    "5_o_clock_shadow", "bags_under_eyes", "bald", "bangs", "big_lips", "big_nose", "black_hair",
    "blond_hair", "brown_hair", "bushy_eyebrows", "eyeglasses", "goatee", "gray_hair", "male",
    "mouth_slightly_open", "mustache", "narrow_eyes", "no_beard", "pale_skin", "receding_hairline",
    "sideburns", "smiling", "straight_hair", "wavy_hair", "wearing_hat", "wearing_lipstick", "young",
)  # fmt: skip
"""Those that can be present here; of the other thirteen a drawn face shows nothing."""


def attributes_of(face: Face, action_units: Mapping[int, float]) -> tuple[str, ...]:
    """Return the attributes that a face with some action units (0..1) has, in CelebA's order."""
    shape = face.shape
    has_hair = face.hair_style != "bald"
    shows_top = face.hat == "none"
    is_present = {
        "5_o_clock_shadow": face.beard == "stubble",
        "bags_under_eyes": face.old_age > 0.5,
        "bald": not has_hair and shows_top,
        "bangs": face.hair_style == "bangs" and shows_top,
        "big_lips": shape.lips * (1 - 0.25 * face.old_age) > 1.15,
        "big_nose": shape.nose_width * shape.nose_height * (1 - 0.3 * face.childhood) > 1.12,
        "black_hair": has_hair and face.hair_colour == "black",
        "blond_hair": has_hair and face.hair_colour == "blond",
        "brown_hair": has_hair and face.hair_colour == "brown",
        "bushy_eyebrows": face.brow_thickness > 1.35,
        "eyeglasses": face.glasses != "none",
        "goatee": face.beard == "goatee",
        "gray_hair": has_hair and face.hair_colour == "gray",
        "male": face.masculinity > 0.5,
        "mouth_slightly_open": max(action_units.get(25, 0.0), action_units.get(26, 0.0)) >= 0.3,
        "mustache": face.beard in ("mustache", "goatee", "full"),
        "narrow_eyes": shape.eye_opening < 0.87,
        "no_beard": face.beard in ("none", "mustache"),
        "pale_skin": face.melanin < 0.08,
        "receding_hairline": has_hair and shows_top and recession(face) > 0.45,
        "sideburns": face.beard in ("stubble", "full"),
        "smiling": action_units.get(12, 0.0) >= 0.4,
        "straight_hair": face.hair_style in ("bangs", "long"),
        "wavy_hair": face.hair_style == "curly",
        "wearing_hat": not shows_top,
        "wearing_lipstick": face.has_lipstick,
        "young": face.age_years < 40,
    }
    return tuple(name for name in ATTRIBUTES if is_present[name])
