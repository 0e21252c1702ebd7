"""People before a camera: who, where, when, how they move, and what is drawn of it at a time."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator, default_rng

from model.synthetic.background import Background, sample_background
from model.synthetic.camera import Pose, View
from model.synthetic.expression import EXPRESSIONS, Expression
from model.synthetic.face import Face
from model.synthetic.manipulation import KINDS, Manipulation, manipulate
from model.synthetic.people import sample_face
from model.synthetic.render import Picture, Truth, draw, locate
from model.synthetic.shading import Light

HEAD_HEIGHT_MM = 235.0


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

    def pose_at(self, time_s: float) -> Pose:
        """Return how the head is turned."""
        return Pose(self.yaw_deg.at(time_s), self.pitch_deg.at(time_s), self.roll_deg.at(time_s))

    def view_at(self, time_s: float) -> View:
        """Return where the head is in the picture."""
        return View(self.x.at(time_s), self.y.at(time_s), self.px_per_mm.at(time_s))

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
        return tuple(
            locate(person.face, person.pose_at(time_s), person.view_at(time_s), person.expression_at(time_s))
            for person in self.people
        )

    def picture_at(self, time_s: float, frame: int) -> tuple[Picture, tuple[Truth, ...]]:
        """Return the picture [H, W, 3] uint8 RGB at a time, and the truth about each person, in order."""
        picture = self.background.at(time_s)
        truths: dict[int, Truth] = {}
        far_first = sorted(range(len(self.people)), key=lambda k: self.people[k].px_per_mm.base)
        for k in far_first:
            person = self.people[k]
            pose, view = person.pose_at(time_s), person.view_at(time_s)
            truths[k] = draw(picture, person.face, pose, view, person.expression_at(time_s), self.light)
        if self.noise_level:
            rng = default_rng((self.noise_seed, frame))
            grain = rng.standard_normal(picture.shape, np.float32) * np.float32(self.noise_level)
            picture = np.clip(picture + grain + 0.5, 0, 255).astype(np.uint8)
        for k, person in enumerate(self.people):
            if person.manipulation is not None:
                manipulate(picture, truths[k], person.manipulation, frame)
        return picture, tuple(truths[k] for k in range(len(self.people)))


def sample_action_units(rng: Generator, expression: str) -> dict[int, float]:
    """Return intensities for one of the seven expressions, varied around its prototype."""
    prototype = EXPRESSIONS[expression]
    return {
        number: float(np.clip(apex * rng.uniform(0.8, 1.15), 0.2, 1)) for number, apex in prototype.items()
    }


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
    return Manipulation(kind, strength=float(rng.uniform(0.4, 1)), seed=int(rng.integers(2**31)))


def sample_shot(
    rng: Generator,
    size_px: tuple[int, int],
    seconds: float,
    people: int,
    faces: tuple[Face, ...] = (),
    manipulated_share: float = 0.0,
) -> Shot:
    """Return a random shot; `faces` names identities, those that are missing are sampled.

    A face is a forgery with probability `manipulated_share`.
    """
    identities = [*faces, *(sample_face(rng) for _ in range(people - len(faces)))][:people]
    cast = tuple(
        _sample_person(rng, face, size_px, seconds, place, people) for place, face in enumerate(identities)
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
    rng: Generator, face: Face, size: tuple[int, int], seconds: float, place: int, people: int
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
