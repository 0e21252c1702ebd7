"""Conversations about pictures, as the official instruction files hold them.

A file is a JSON list of objects with `conversations`, a list of {"from": "human" | "gpt", "value": text} in
turns, and `image` or `video`, a path; with `landmarks_2d` besides, a path of its landmarks, the landmark
branch takes part. The first question begins with `<image>` or `<video>` and a line break. Other keys (`id`,
`face_mask`) are passed over.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from model.network.config import Kind

_PLACEHOLDER = re.compile(r"<(image|video)>\n?")
_SHOWN_PROBLEMS = 5


class DataError(Exception):
    """Training data that cannot be used, with what was found wrong with it.

    Attributes:
        path: of the file.
        problems: one sentence each, the first few.
        count: how many there are.
    """

    def __init__(self, path: str, problems: tuple[str, ...], count: int) -> None:
        super().__init__(path, problems, count)
        self.path = path
        self.problems = problems
        self.count = count

    def __str__(self) -> str:
        more = f"; and {self.count - len(self.problems)} more" if self.count > len(self.problems) else ""
        return f"{self.path}: " + "; ".join(self.problems) + more

    @classmethod
    def of(cls, path: Path, problems: Sequence[str]) -> "DataError":
        """Return the error of a file with some problems."""
        return cls(str(path), tuple(problems[:_SHOWN_PROBLEMS]), len(problems))


@dataclass(frozen=True, slots=True)
class Sample:
    """One conversation.

    Attributes:
        number: its place in the file, from 0.
        kind: what it is about; None for a conversation without pictures.
        media: the picture or video.
        landmarks: `.npy` of [68, 2] for an image, of [frames, 68, 2] for a video, in pixels of a crop of 256.
        turns: questions, the first without its placeholder, and answers.
    """

    number: int
    kind: Kind | None
    media: Path | None
    landmarks: Path | None
    turns: tuple[tuple[str, str], ...]

    @property
    def words(self) -> int:
        """Words of the conversation: what samples of alike length are found by."""
        return sum(len(text.split()) for turn in self.turns for text in turn)


def read_samples(path: Path, root: Path) -> list[Sample]:
    """Read the samples of a file.

    Args:
        path: JSON.
        root: what paths in it are relative to.

    Raises:
        DataError: it is missing or no such file, a sample is malformed, or files that it names are missing.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError.of(path, [f"cannot be read as JSON ({error})"]) from error
    if not isinstance(content, list) or not content:
        raise DataError.of(path, ["is no list of samples; give a JSON list of objects with `conversations`"])
    samples: list[Sample] = []
    problems: list[str] = []
    for number, entry in enumerate(cast("list[object]", content)):
        try:
            samples.append(_parse(number, entry, root))
        except ValueError as error:
            problems.append(f"sample {number} {error}")
    if problems:
        raise DataError.of(path, problems)
    return samples


def _parse(number: int, entry: object, root: Path) -> Sample:
    if not isinstance(entry, dict):
        raise ValueError("is no object")  # noqa: TRY004 - wrong content, not a wrong call
    fields = cast("Mapping[str, Any]", entry)
    kinds = [kind for kind in ("image", "video") if fields.get(kind) is not None]
    if len(kinds) > 1:
        raise ValueError("has both an image and a video; give one")
    kind = cast("Kind | None", kinds[0] if kinds else None)
    landmarks = fields.get("landmarks_2d")
    if landmarks is not None and kind is None:
        raise ValueError("has landmarks_2d but neither image nor video")
    return Sample(
        number=number,
        kind=kind,
        media=None if kind is None else _find(root, kind, fields[kind]),
        landmarks=None if landmarks is None else _find(root, "landmarks_2d", landmarks),
        turns=_parse_turns(fields.get("conversations"), kind),
    )


def _find(root: Path, key: str, value: object) -> Path:
    if not isinstance(value, str) or not value:
        raise ValueError(f"has no path as {key}: {value!r}")
    path = root / value
    if not path.is_file():
        raise ValueError(f"names {key} {value}, which is not in {root}")
    return path


def _parse_turns(value: object, kind: Kind | None) -> tuple[tuple[str, str], ...]:
    said: list[str] = []
    for position, turn in enumerate(cast("list[object]", value) if isinstance(value, list) else []):
        speaker = "gpt" if position % 2 else "human"
        if not isinstance(turn, dict):
            raise ValueError(f"has a turn {position} that is no object")  # noqa: TRY004
        fields = cast("Mapping[str, object]", turn)
        text = fields.get("value")
        if fields.get("from") != speaker or not isinstance(text, str) or not text.strip():
            raise ValueError(f"has a turn {position} that is no text from {speaker!r}")
        said.append(text)
    if not said or len(said) % 2:
        raise ValueError("has no conversations that end with an answer")
    if kind is not None:
        found = _PLACEHOLDER.match(said[0])
        if found is None or found[1] != kind:
            raise ValueError(f"begins with {said[0][:20]!r} instead of '<{kind}>' and a line break")
        said[0] = said[0][found.end() :]
    if any(_PLACEHOLDER.search(text) for text in said):
        raise ValueError("has a picture's placeholder where none belongs; only its first question has one")
    if "</s>" in "".join(said):
        raise ValueError("has </s> in a text; it is added behind each answer")
    return tuple(zip(said[::2], said[1::2], strict=True))
