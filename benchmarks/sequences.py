"""Composed sequences with known faces for `benchmarks/tracking.py`: what happens in them decides who is who.

Drawn heads are cut out and moved over drawn backgrounds: far cheaper than drawing every frame. Writes folders
with `video.mp4`, `gt.csv` (MOT form, one identity per person), `gt_shot.csv` (one per person and shot) and
`cuts.csv`:

    small8      eight faces of 40 to 56 px in 1920 x 1080
    reentry     six shots, in which four people appear, vanish and return at other places, sizes and lights
    crossing    three people who cross each other, leave the picture and come back, in one shot
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
from model.synthetic.mp4 import write_mp4
from model.synthetic.people import sample_face
from model.synthetic.render import render_face
from model.synthetic.scene import Sway, sample_light
from workers.face import Box, hidden_shares

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
    """How a head moves: the face's centre and width in pixels."""

    head: Head
    who: int
    x: Sway
    y: Sway
    width: Sway


@dataclass(frozen=True)
class Take:
    """A shot: later walks are nearer."""

    background: Background
    walks: tuple[Walk, ...]
    frames: int


def head_of(rng: Generator, face_seed: int) -> Head:
    """Return somebody, held and lit at random."""
    pose = Pose(*(float(rng.uniform(-limit, limit)) for limit in (18, 8, 8)))
    face = sample_face(default_rng(face_seed))
    light = sample_light(rng)
    seen = render_face(face, pose, SPRITE_PX, light=light, background_rgb=KEY_RGB)
    unlike = np.abs(seen.picture.astype(np.float32) - KEY_RGB).max(axis=2)
    mask = cv2.erode((unlike > 60).astype(np.float32), np.ones((3, 3)))
    return Head(
        seen.picture, np.asarray(cv2.GaussianBlur(mask, (0, 0), 1), np.float32), seen.truth.box_xywh_px
    )


def paste(picture: Picture, walk: Walk, time_s: float) -> Box:
    """Put a head into a picture; return its face's box."""
    x, y, w, h = walk.head.box
    scale = walk.width.at(time_s) / w
    left, top = walk.x.at(time_s) - (x + w / 2) * scale, walk.y.at(time_s) - (y + h / 2) * scale
    x0, y0 = max(0, int(left)), max(0, int(top))
    side = int(SPRITE_PX * scale) + 2
    part = picture[y0 : max(0, int(top) + side), x0 : max(0, int(left) + side)]
    if part.size:
        to_part = np.array([[scale, 0, left - x0], [0, scale, top - y0]])
        size = part.shape[1], part.shape[0]
        mask = cv2.warpAffine(walk.head.mask, to_part, size, flags=cv2.INTER_AREA)[..., None]
        drawn = cv2.warpAffine(walk.head.picture, to_part, size, flags=cv2.INTER_AREA)
        part[...] = drawn * mask + part * (1 - mask)
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


def noface(rng: Generator) -> list[Take]:
    return [Take(sample_background(rng, 960, 540), (), FPS) for _ in range(8)]


SEQUENCES = {"small8": small8, "reentry": reentry, "crossing": crossing, "noface": noface}


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
