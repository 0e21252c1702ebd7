"""A colour for every track, the same wherever it is drawn."""

import math

Colour = tuple[int, int, int]
"""Red, green, blue, 0..255."""

_GOLDEN_ANGLE_DEG = 137.508
_LIGHTNESS = (0.62, 0.72, 0.53)
_CHROMA = 0.17


def colour_of(number: int) -> Colour:
    """Return the colour of the n-th track, counted from 0: strong on white and over a picture.

    Hues follow each other by the golden angle, so that neighbours differ most, in OKLCH (Ottosson 2020), so
    that none outshines the others.
    """
    hue = math.radians((145 + number * _GOLDEN_ANGLE_DEG) % 360)
    lightness, chroma = _LIGHTNESS[number % len(_LIGHTNESS)], _CHROMA
    while True:
        linear = _linear_of(lightness, chroma * math.cos(hue), chroma * math.sin(hue))
        if all(0 <= part <= 1 for part in linear):
            red, green, blue = (round(255 * _encoded(part)) for part in linear)
            return red, green, blue
        chroma *= 0.95  # not every hue has that much colour on a screen


def ink_on(colour: Colour) -> Colour:
    """Return black or white, whichever is easier to read on a colour."""
    red, green, blue = colour
    is_bright = 0.299 * red + 0.587 * green + 0.114 * blue > 150
    return (20, 20, 24) if is_bright else (255, 255, 255)


def _linear_of(lightness: float, a: float, b: float) -> tuple[float, float, float]:
    """Return linear RGB of a colour in OKLab (bottosson.github.io/posts/oklab)."""
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _encoded(linear: float) -> float:
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
