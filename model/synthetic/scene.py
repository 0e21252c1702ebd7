"""People before a camera: who, where, when, how they move, and what is drawn of it at a time."""

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from model.synthetic.attributes import attributes_of
from model.synthetic.background import Background, sample_background
from model.synthetic.camera import Pose, View
from model.synthetic.canvas import Picture
from model.synthetic.expression import EXPRESSIONS, Expression
from model.synthetic.face import Face
from model.synthetic.manipulation import KINDS, Manipulation, manipulate
from model.synthetic.people import sample_face
from model.synthetic.render import Moment, Truth, draw, locate
from model.synthetic.shading import Light

ACTIVE_UNIT = 0.35
"""Intensity 0..1 from which an action unit counts as shown: FACS B or more."""
HEAD_HEIGHT_MM = 235.0
_DIMPLED, _DIMPLER_SHARE = ("neutral", "anger", "sadness"), 0.3
_GRAIN_ROOM = 64
"""A frame's noise is a window of a larger field, at one of 64 x 64 places: far cheaper than fresh noise."""


@dataclass(frozen=True, slots=True)
class Sway:
    """A slow movement: `base + amplitude * sin(2 pi (hz * time + phase))`."""

    base: float
    amplitude: float
    hz: float
    phase: float

    def at(self, time_s: float) -> float:
        """Return the value at a time."""
        return float(self.base + self.amplitude * np.sin(2 * np.pi * (self.hz * time_s + self.phase)))


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a shot: identity, place and movement in the picture, and what the face does."""

    face: Face
    expression: str
    action_units: dict[int, float]
    """Intensities at the apex, 0..1."""
    onset_s: float
    """When the expression starts to build up; it is held from half a second later."""
    x: Sway
    y: Sway
    """Of the point between the eyes, pixels."""
    px_per_mm: Sway
    yaw_deg: Sway
    pitch_deg: Sway
    roll_deg: Sway
    gaze_x_deg: Sway
    blinks_s: tuple[float, ...]
    talk_hz: float
    """Syllables per second; 0 is silent."""
    manipulation: Manipulation | None = None

    @property
    def shown_units(self) -> tuple[str, ...]:
        """The action units that reach `ACTIVE_UNIT` at the apex, as the questions call them: `AU1`, ..."""
        shown = sorted(number for number, apex in self._apex.items() if apex >= ACTIVE_UNIT)
        return tuple(f"AU{number}" for number in shown)

    @property
    def _apex(self) -> dict[int, float]:
        """The greatest intensities that are seen: speech parts the lips, too."""
        return {25: 0.5} | self.action_units if self.talk_hz else self.action_units

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes that are present, those of a smile or an open mouth at the apex."""
        return attributes_of(self.face, self._apex)

    def moment_at(self, time_s: float) -> Moment:
        """Return how the person is at a time."""
        pose = Pose(self.yaw_deg.at(time_s), self.pitch_deg.at(time_s), self.roll_deg.at(time_s))
        view = View(self.x.at(time_s), self.y.at(time_s), self.px_per_mm.at(time_s))
        return Moment(pose, view, self.expression_at(time_s))

    def expression_at(self, time_s: float) -> Expression:
        """Return what the face does: the action units build up after `onset_s` and are held."""
        share = float(np.clip((time_s - self.onset_s) / 0.5, 0, 1))
        level = share * share * (3 - 2 * share) * (0.95 + 0.05 * np.sin(2 * np.pi * 0.7 * time_s))
        blink = max((float(np.exp(-(((time_s - at) / 0.07) ** 2))) for at in self.blinks_s), default=0.0)
        talk = max(
            0.0,
            float(
                np.sin(2 * np.pi * self.talk_hz * time_s) * np.sin(2 * np.pi * 0.31 * self.talk_hz * time_s)
            ),
        )
        return Expression(
            action_units={number: float(level * apex) for number, apex in self.action_units.items()},
            blink=blink,
            gaze_deg=(self.gaze_x_deg.at(time_s), 0.0),
            talk=talk,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """What one camera sees without a cut."""

    people: tuple[Person, ...]
    background: Background
    light: Light
    noise_level: float
    """Deviation of the camera's noise, grey levels."""
    noise_seed: int

    def truths_at(self, time_s: float) -> tuple[Truth, ...]:
        """Return where each person's face is at a time, without drawing."""
        return tuple(locate(person.face, person.moment_at(time_s)) for person in self.people)

    def picture_at(self, time_s: float, frame: int) -> tuple[Picture, tuple[Truth, ...]]:
        """Return the picture [H, W, 3] uint8 RGB at a time, and the truth about each person, in order."""
        picture = self.background.at(time_s)
        truths: dict[int, Truth] = {}
        far_first = sorted(range(len(self.people)), key=lambda k: self.people[k].px_per_mm.base)
        for k in far_first:
            person = self.people[k]
            truths[k] = draw(picture, person.face, person.moment_at(time_s), self.light)
        picture = _with_grain(picture, self.noise_level, self.noise_seed, frame)
        for k, person in enumerate(self.people):
            if person.manipulation is not None:
                manipulate(picture, truths[k], person.manipulation, frame)
        return picture, tuple(truths[k] for k in range(len(self.people)))


def _with_grain(picture: Picture, level: float, seed: int, frame: int) -> Picture:
    """Return the picture with a camera's noise, which is new in every frame."""
    height, width = picture.shape[:2]
    grain = _grain(level, seed, height + _GRAIN_ROOM, width + _GRAIN_ROOM)
    top, left = default_rng((seed, frame)).integers(0, _GRAIN_ROOM, 2).tolist()
    part = grain[top : top + height, left : left + width]
    return np.asarray(cv2.add(picture, part, dtype=cv2.CV_8U), np.uint8)


@lru_cache(maxsize=2)
def _grain(level: float, seed: int, height: int, width: int) -> NDArray[np.int16]:
    noise = default_rng(seed).standard_normal((height, width, 3), np.float32)
    return np.round(noise * np.float32(level)).astype(np.int16)


def sample_action_units(rng: Generator, expression: str) -> dict[int, float]:
    """Return intensities for one of the seven expressions, varied around its prototype.

    No prototype has the dimpler; it comes by itself where it does not change what is expressed.
    """
    prototype = EXPRESSIONS[expression]
    units = {
        number: float(np.clip(apex * rng.uniform(0.8, 1.15), 0.2, 1)) for number, apex in prototype.items()
    }
    extra = rng.spawn(1)[0]  # takes nothing from rng: what comes after is what it was without
    if expression in _DIMPLED and extra.random() < _DIMPLER_SHARE:
        units[14] = float(extra.uniform(0.6, 1))
    return units


def sample_light(rng: Generator) -> Light:
    """Return a random lamp in front of the people."""
    ambient = float(rng.uniform(0.35, 0.6))
    return Light(
        azimuth_deg=float(rng.uniform(-60, 60)),
        elevation_deg=float(rng.uniform(5, 60)),
        key=float(np.clip(1.12 - ambient + rng.normal(0, 0.06), 0.35, 0.9)),
        ambient=ambient,
        warmth=float(rng.uniform(-0.6, 0.8)),
    )


def sample_manipulation(rng: Generator) -> Manipulation:
    """Return a random forgery."""
    kind = KINDS[int(rng.integers(len(KINDS)))]
    return Manipulation(kind, strength=float(rng.uniform(0.5, 1)), seed=int(rng.integers(2**31)))


def sample_shot(
    rng: Generator,
    size_px: tuple[int, int],
    seconds: float,
    people: int,
    *,
    faces: tuple[Face, ...] = (),
    manipulated_share: float = 0.0,
) -> Shot:
    """Return a random shot; `faces` names identities, those that are missing are sampled.

    A face is a forgery with probability `manipulated_share`.
    """
    identities = [*faces, *(sample_face(rng) for _ in range(people - len(faces)))][:people]
    cast = tuple(
        _sample_person(rng, face, size_px, seconds=seconds, place=place, people=people)
        for place, face in enumerate(identities)
    )
    cast = tuple(
        replace(person, manipulation=sample_manipulation(rng)) if rng.random() < manipulated_share else person
        for person in cast
    )
    return Shot(
        people=cast,
        background=sample_background(rng, *size_px),
        light=sample_light(rng),
        noise_level=float(rng.uniform(0.5, 4)),
        noise_seed=int(rng.integers(2**31)),
    )


def _sample_person(
    rng: Generator, face: Face, size: tuple[int, int], *, seconds: float, place: int, people: int
) -> Person:
    width, height = size
    seat = width / people
    # A head is as high as its seat allows, and leaves room above.
    head_px = min(height * rng.uniform(0.42, 0.62), seat * 0.95)
    scale = head_px / HEAD_HEIGHT_MM
    expression = tuple(EXPRESSIONS)[int(rng.integers(len(EXPRESSIONS)))]

    def sway(base: float, amplitude: float) -> Sway:
        return Sway(float(base), float(amplitude), float(rng.uniform(0.08, 0.35)), float(rng.random()))

    # the first blink of a shot is at 0.4 s or later, then one every 2 to 5 seconds
    blinks = np.cumsum(rng.uniform(2, 5, 12)) - rng.uniform(0, 1.6)
    return Person(
        face=face,
        expression=expression,
        action_units=sample_action_units(rng, expression),
        onset_s=float(rng.uniform(-0.6, 0.3)),
        x=sway(seat * (place + 0.5) + rng.uniform(-0.04, 0.04) * seat, 0.04 * seat),
        y=sway(height * rng.uniform(0.40, 0.5), 0.015 * height),
        px_per_mm=sway(scale, 0.03 * scale),
        yaw_deg=sway(rng.uniform(-18, 18), rng.uniform(2, 14)),
        pitch_deg=sway(rng.uniform(-6, 6), rng.uniform(1, 6)),
        roll_deg=sway(rng.uniform(-5, 5), rng.uniform(0.5, 5)),
        gaze_x_deg=sway(rng.uniform(-6, 6), 8),
        blinks_s=tuple(blinks[blinks < seconds].tolist()),
        talk_hz=0.0 if expression != "neutral" or rng.random() < 0.6 else float(rng.uniform(2, 4)),
    )
