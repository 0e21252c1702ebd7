"""Composed sequences with known faces for `benchmarks/tracking.py`: what happens in them decides who is who.

Drawn heads are cut out and moved over drawn backgrounds: far cheaper than drawing every frame. Writes folders
with `video.mp4`, `gt.csv` (MOT form, one identity per person), `gt_shot.csv` (one per person and shot) and
`cuts.csv`:

    small8      eight faces of 40 to 56 px in 1920 x 1080
    reentry     six shots, in which four people appear, vanish and return at other places, sizes and lights
    crossing    three people who cross each other, leave the picture and come back, in one shot
    turning     three people who turn their heads to the profile and back, while one passes before them
    fast        three people who rush to and fro, blurred by motion
    noface      backgrounds without people

A row is to be ignored (0 in the seventh column) where more than 0.6 of the face is hidden.

    python benchmarks/sequences.py FOLDER [--seed 1]
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from model.synthetic.background import Background, sample_background
from model.synthetic.camera import Pose
from model.synthetic.face import Face
from model.synthetic.mp4 import write_mp4
from model.synthetic.people import sample_face
from model.synthetic.render import render_face
from model.synthetic.scene import Sway, sample_light
from model.synthetic.shading import Light
from workers.faces.face import Box, hidden_shares

FPS = 25
HIDDEN = 0.6
SPRITE_PX = 240
KEY_RGB = (0, 255, 0)

Picture = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Head:
    """A head cut out: [S, S, 3] uint8 RGB, its mask [S, S] float32 0..1, and its face's box."""

    picture: Picture
    mask: NDArray[np.float32]
    box: Box


@dataclass(frozen=True)
class Walk:
    """How a head moves: the face's centre and width in pixels; and turns: `heads` are its views by yaw."""

    heads: tuple[Head, ...]
    who: int
    x: Sway
    y: Sway
    width: Sway
    turn: Sway | None = None
    """Between 0, the first of the heads, and 1, the last."""

    def head_at(self, time_s: float) -> Head:
        turned = 0.0 if self.turn is None else self.turn.at(time_s)
        return self.heads[round(turned * (len(self.heads) - 1))]

    def blurred_px(self, time_s: float) -> int:
        """Return how far it moves to the side while the shutter is open: half the time of a frame."""
        return round(abs(self.x.at(time_s + 0.25 / FPS) - self.x.at(time_s - 0.25 / FPS)))


@dataclass(frozen=True)
class Take:
    """A shot: later walks are nearer."""

    background: Background
    walks: tuple[Walk, ...]
    frames: int


def head_of(rng: Generator, face_seed: int) -> tuple[Head, ...]:
    """Return one view of somebody, held and lit at random."""
    pose = Pose(*(float(rng.uniform(-limit, limit)) for limit in (18, 8, 8)))
    return (_seen(sample_face(default_rng(face_seed)), pose, sample_light(rng)),)


def turned_heads(rng: Generator, face_seed: int) -> tuple[Head, ...]:
    """Return views of somebody from one side to the other."""
    face, light = sample_face(default_rng(face_seed)), sample_light(rng)
    pitch_deg, roll_deg = (float(rng.uniform(-limit, limit)) for limit in (8, 8))
    return tuple(_seen(face, Pose(yaw_deg, pitch_deg, roll_deg), light) for yaw_deg in range(-75, 76, 5))


def _seen(face: Face, pose: Pose, light: Light) -> Head:
    seen = render_face(face, pose, SPRITE_PX, light=light, background_rgb=KEY_RGB)
    unlike = np.abs(seen.picture.astype(np.float32) - KEY_RGB).max(axis=2)
    mask = cv2.erode((unlike > 60).astype(np.float32), np.ones((3, 3)))
    return Head(
        seen.picture, np.asarray(cv2.GaussianBlur(mask, (0, 0), 1), np.float32), seen.truth.box_xywh_px
    )


def paste(picture: Picture, walk: Walk, time_s: float) -> Box:
    """Put a head into a picture; return its face's box."""
    head = walk.head_at(time_s)
    x, y, w, h = head.box
    scale = walk.width.at(time_s) / w
    left, top = walk.x.at(time_s) - (x + w / 2) * scale, walk.y.at(time_s) - (y + h / 2) * scale
    x0, y0 = max(0, int(left)), max(0, int(top))
    side = int(SPRITE_PX * scale) + 2
    part = picture[y0 : max(0, int(top) + side), x0 : max(0, int(left) + side)]
    if part.size:
        to_part = np.array([[scale, 0, left - x0], [0, scale, top - y0]])
        size = part.shape[1], part.shape[0]
        mask = cv2.warpAffine(head.mask, to_part, size, flags=cv2.INTER_AREA)[..., None]
        drawn = cv2.warpAffine(head.picture, to_part, size, flags=cv2.INTER_AREA) * mask
        blurred_px = walk.blurred_px(time_s)
        if blurred_px > 1:
            mask, drawn = (
                cv2.blur(layer, (blurred_px, 1)).reshape(*size[::-1], -1) for layer in (mask, drawn)
            )
        part[...] = drawn + part * (1 - mask)
    return left + x * scale, top + y * scale, w * scale, h * scale


def still(value: float) -> Sway:
    return Sway(value, 0.0, 0.1, 0.0)


def small8(rng: Generator) -> list[Take]:
    walks = tuple(
        Walk(
            head_of(rng, 100 + place),
            place,
            Sway(120 + 240 * place, 60, 0.2, place / 8),
            Sway(200 + 250 * (place % 4), 15, 0.3, place / 5),
            Sway(float(rng.uniform(42, 54)), 2, 0.2, 0),
        )
        for place in range(8)
    )
    return [Take(sample_background(rng, 1920, 1080), walks, 2 * FPS)]


def reentry(rng: Generator) -> list[Take]:
    takes: list[Take] = []
    for present in ((0, 1), (2,), (1, 0), (3, 2), (0, 3, 1), (2, 1)):
        walks = tuple(
            Walk(
                head_of(rng, 200 + who),
                who,
                Sway(
                    960 * (place + 0.5) / len(present), float(rng.uniform(10, 60)), 0.3, float(rng.random())
                ),
                Sway(float(rng.uniform(200, 300)), 12, 0.3, float(rng.random())),
                Sway(float(rng.uniform(70, 130)), 4, 0.3, float(rng.random())),
            )
            for place, who in enumerate(present)
        )
        takes.append(Take(sample_background(rng, 960, 540), walks, 2 * FPS))
    return takes


def crossing(rng: Generator) -> list[Take]:
    # One stays; the others walk through the whole width and beyond, behind and before.
    walks = (
        Walk(head_of(rng, 300), 0, Sway(480, 600, 0.12, 0.6), Sway(250, 10, 0.4, 0), still(80)),
        Walk(head_of(rng, 301), 1, Sway(480, 30, 0.1, 0), Sway(260, 8, 0.3, 0.2), still(96)),
        Walk(head_of(rng, 302), 2, Sway(480, 440, 0.17, 0.1), Sway(270, 10, 0.5, 0.4), still(112)),
    )
    return [Take(sample_background(rng, 960, 540), walks, 12 * FPS)]


def turning(rng: Generator) -> list[Take]:
    # Two turn where they are, one of them past the profile's edge; the third passes before both.
    walks = (
        Walk(
            turned_heads(rng, 400), 0, Sway(260, 20, 0.2, 0), still(240), still(84), Sway(0.5, 0.5, 0.25, 0)
        ),
        Walk(
            turned_heads(rng, 401), 1, Sway(700, 20, 0.2, 0), still(260), still(90), Sway(0.5, 0.4, 0.4, 0.5)
        ),
        Walk(
            turned_heads(rng, 402),
            2,
            Sway(480, 460, 0.1, 0),
            still(250),
            still(104),
            Sway(0.5, 0.3, 0.1, 0.25),
        ),
    )
    return [Take(sample_background(rng, 960, 540), walks, 10 * FPS)]


def fast(rng: Generator) -> list[Take]:
    # Up to 850 px per second: ten times their width.
    walks = tuple(
        Walk(
            head_of(rng, 500 + who),
            who,
            Sway(480, 380 - 60 * who, 0.36 - 0.05 * who, float(rng.random())),
            Sway(110 + 150 * who, 20, 0.5, float(rng.random())),
            still(80 + 6 * who),
        )
        for who in range(3)
    )
    return [Take(sample_background(rng, 960, 540), walks, 8 * FPS)]


def noface(rng: Generator) -> list[Take]:
    return [Take(sample_background(rng, 960, 540), (), FPS) for _ in range(8)]


SEQUENCES = {
    "small8": small8,
    "reentry": reentry,
    "crossing": crossing,
    "noface": noface,
    "turning": turning,
    "fast": fast,
}


def pictures(takes: Sequence[Take], rows: list[str], shot_rows: list[str]) -> Iterator[Picture]:
    """Yield the frames and append the truth about each."""
    number = 0
    grain = default_rng(0).normal(0, 2, takes[0].background.at(0).shape).astype(np.int16)
    for shot_number, take in enumerate(takes):
        for frame in range(take.frames):
            picture = take.background.at(frame / FPS)
            boxes = [paste(picture, walk, frame / FPS) for walk in take.walks]
            number += 1
            hidden = hidden_shares(boxes, picture.shape[1], picture.shape[0])
            for walk, box, share in zip(take.walks, boxes, hidden, strict=True):
                place = ",".join(f"{value:.2f}" for value in box)
                rest = f"{place},{int(share <= HIDDEN)},1,{1 - share:.3f}"
                rows.append(f"{number},{walk.who + 1},{rest}")
                shot_rows.append(f"{number},{100 * (walk.who + 1) + shot_number},{rest}")
            moved = np.roll(grain, (7 * frame, 13 * frame), axis=(0, 1))
            yield np.asarray(cv2.add(picture, moved, dtype=cv2.CV_8U), np.uint8)


def write(folder: Path, takes: Sequence[Take]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[str] = []
    shot_rows: list[str] = []
    write_mp4(folder / "video.mp4", pictures(takes, rows, shot_rows), FPS)
    starts = 1 + np.cumsum([take.frames for take in takes])[:-1]
    (folder / "gt.csv").write_text("".join(f"{row}\n" for row in rows))
    (folder / "gt_shot.csv").write_text("".join(f"{row}\n" for row in shot_rows))
    (folder / "cuts.csv").write_text(
        "\n".join(["first_frame_of_new_shot", *map(str, starts.tolist())]) + "\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for number, (name, make) in enumerate(SEQUENCES.items()):
        write(options.folder / name, make(default_rng((options.seed, number))))
        print(options.folder / name)


if __name__ == "__main__":
    main()
