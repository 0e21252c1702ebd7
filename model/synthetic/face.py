"""Who a face is: the parameters of an identity, and their sampling.

All sizes are factors on an average adult (1 = average) unless a name carries a unit.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

HairStyle = Literal["bald", "buzz", "short", "swept", "bangs", "long", "bun", "curly"]
HairColour = Literal["black", "brown", "blond", "red", "gray"]
EyeColour = Literal["brown", "hazel", "green", "blue", "gray"]
Beard = Literal["none", "stubble", "mustache", "goatee", "full"]
Glasses = Literal["none", "round", "square"]
Hat = Literal["none", "beanie", "cap"]


@dataclass(frozen=True, slots=True)
class Shape:
    """The proportions of a head."""

    face_width: float = 1.0
    jaw_width: float = 1.0
    lower_face: float = 1.0
    """Length from the nose to the chin."""
    chin: float = 1.0
    cheeks: float = 1.0
    cheekbones: float = 1.0
    nose_length: float = 1.0
    nose_width: float = 1.0
    nose_height: float = 1.0
    """How far it stands out."""
    mouth_width: float = 1.0
    lips: float = 1.0
    eye_size: float = 1.0
    eye_opening: float = 1.0
    eye_tilt_mm: float = 1.5
    """How much higher the outer corner is."""
    brow_ridge: float = 1.0
    brow_height_mm: float = 0.0
    forehead: float = 1.0
    ears: float = 1.0


@dataclass(frozen=True, slots=True)
class Face:
    """An identity, valid once constructed."""

    shape: Shape = Shape()
    age_years: int = 30
    masculinity: float = 0.5
    """0..1: jaw, brow ridge, brows and lips follow it."""
    melanin: float = 0.3
    """0..1, light to dark skin."""
    redness: float = 0.5
    hair_style: HairStyle = "short"
    hair_colour: HairColour = "brown"
    eye_colour: EyeColour = "brown"
    brow_thickness: float = 1.0
    beard: Beard = "none"
    has_lipstick: bool = False
    glasses: Glasses = "none"
    hat: Hat = "none"
    clothes_rgb: tuple[int, int, int] = (70, 90, 130)
    texture_seed: int = 0
    """Freckles, mottling, strands of hair and the weave of the clothes."""

    def __post_init__(self) -> None:
        if not 1 <= self.age_years <= 90:
            raise ValueError(f"a face's age_years must be 1 to 90, got {self.age_years}")
        for name in ("masculinity", "melanin", "redness"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"a face's {name} must be 0 to 1, got {getattr(self, name)}")

    @property
    def childhood(self) -> float:
        """1 for a small child, 0 from 18 years on."""
        return float(np.clip((18 - self.age_years) / 16, 0, 1))

    @property
    def old_age(self) -> float:
        """0 until 20 years, 1 at 85: every year of an adult leaves a trace, as it does on people."""
        return float(np.clip((self.age_years - 20) / 65, 0, 1))
