"""Conversations about kept clips, as instruction files of the official layout.

talk-begin.json    about clips and blank pictures, without landmarks, yes and no at even odds
talk-clips.json    about clips, with landmarks, yes and no at even odds
talk.json          about clips with landmarks, and blank pictures, as a scan asks
talk-alone.json    the same without landmarks, for a network that has no branch for them
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import default_rng

from flows.training.lessons import KeptClip
from model.preprocess import CLIP_MEAN
from model.synthetic.conversation import Said, TalkConfig, talk_about, talk_about_nothing

_ROUNDS = 3
"""Conversations of each kind about a clip; they ask about other action units and attributes."""
_BLANK_SHARE = 0.3
"""Conversations about the blank clip per clip: too few, and its answers drift, and every score with them."""
_BLANK = "blank"
_FRAMES, _SIDE_PX = 8, 32


def write_talk(clips: Sequence[KeptClip], folder: Path, out: Path, seed: int) -> None:
    """Write the instruction files.

    Args:
        clips: what they are about.
        folder: of their files; the blank pictures are put there, too.
        out: of the instruction files.
        seed: of what is asked, in which order.
    """
    rng = default_rng(seed)
    blank = np.empty((_FRAMES, _SIDE_PX, _SIDE_PX, 3), np.uint8)
    blank[:] = np.round(np.array(CLIP_MEAN) * 255)
    np.save(folder / f"{_BLANK}.npy", blank)
    np.save(folder / f"{_BLANK}-best.npy", blank[0])
    nothing = [
        _entry(_BLANK, said)
        for _ in range(max(1, round(_ROUNDS * len(clips) * _BLANK_SHARE)))
        for said in talk_about_nothing(rng)
    ]
    even, asked = (
        [
            _entry(clip.name, said)
            for clip in clips
            for _ in range(_ROUNDS)
            for said in talk_about(clip.label, rng, config)
        ]
        for config in (TalkConfig(has_even_odds=True), TalkConfig(has_even_odds=False))
    )
    for name, entries in (
        ("talk-begin.json", even + nothing),
        ("talk-clips.json", _guided(even)),
        ("talk.json", _guided(asked) + nothing),
        ("talk-alone.json", asked + nothing),
    ):
        (out / name).write_text(json.dumps(entries), encoding="utf-8")


def _entry(name: str, said: Said) -> dict[str, Any]:
    kind, file = ("video", f"{name}.npy") if said.view == "clip" else ("image", f"{name}-best.npy")
    conversations: list[dict[str, str]] = []
    for question, answer in said.turns:
        asked = question if conversations else f"<{kind}>\n{question}"
        conversations += [{"from": "human", "value": asked}, {"from": "gpt", "value": answer}]
    return {kind: file, "conversations": conversations}


def _guided(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return conversations with the landmarks of their pictures."""
    return [entry | {"landmarks_2d": _landmarks(entry)} for entry in entries]


def _landmarks(entry: dict[str, Any]) -> str:
    file: str = entry.get("video") or entry["image"]
    return f"{file.removesuffix('.npy')}-landmarks.npy"
