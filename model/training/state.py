"""What a killed run begins again from: states on disk, and the log up to them.

OUT/run.json          settings, data and start of the run: only the same run continues
OUT/log.jsonl         a line per step: step, epoch, loss, learning_rate, gradient_norm, tokens, seconds
OUT/states/000500/    everything that the next step depends on, written whole or not at all
OUT/checkpoint/       the result
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

STATES, LOG, RUN, CHECKPOINT = "states", "log.jsonl", "run.json", "checkpoint"


class RunError(Exception):
    """A folder that cannot be trained into.

    Attributes:
        folder: the folder.
        message: why, and what to do.
    """

    def __init__(self, folder: str, message: str) -> None:
        super().__init__(folder, message)
        self.folder = folder
        self.message = message

    def __str__(self) -> str:
        return f"{self.folder}: {self.message}"


@dataclass(slots=True)
class Position:
    """Where a run is; Accelerate saves and loads it with the rest."""

    step: int = 0
    """Steps of the optimiser that are done."""
    epoch: int = 0
    batches: int = 0
    """Batches of this epoch that this process has taken."""

    def state_dict(self) -> dict[str, int]:
        """Return what `load_state_dict` takes."""
        return asdict(self)

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go to a position."""
        self.step, self.epoch, self.batches = state["step"], state["epoch"], state["batches"]


class RunFolder:
    """The folder of one run.

    Args:
        path: made when it does not exist.
        description: what makes the run this run, as JSON values.

    Raises:
        RunError: it holds another run, or something else.
    """

    def __init__(self, path: Path, description: Mapping[str, Any]) -> None:
        self.path = path
        self._description: dict[str, Any] = json.loads(json.dumps(description))
        known = path / RUN
        if known.exists():
            self._refuse_other(json.loads(known.read_text(encoding="utf-8")))
        elif path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise RunError(str(path), "it holds something else than a training run; give a new folder")

    def begin(self) -> None:
        """Make the folder; by one process only."""
        (self.path / STATES).mkdir(parents=True, exist_ok=True)
        text = json.dumps(self._description, indent=2, sort_keys=True) + "\n"
        (self.path / RUN).write_text(text, encoding="utf-8")
        for part in (self.path / STATES).glob("*.part"):
            shutil.rmtree(part)

    def newest_state(self) -> Path | None:
        """Return the state to begin again from; None at the start."""
        states = sorted(path for path in (self.path / STATES).glob("*") if path.name.isdigit())
        return states[-1] if states else None

    def part_of(self, step: int) -> Path:
        """Return where the state of a step is written."""
        return self.path / STATES / f"{step:06d}.part"

    def keep(self, step: int, count: int) -> None:
        """Let the written state count, and delete the oldest beyond a count; by one process only."""
        part = self.part_of(step)
        final = part.with_suffix("")
        if final.exists():
            shutil.rmtree(final)
        part.rename(final)
        states = sorted(path for path in (self.path / STATES).glob("*") if path.name.isdigit())
        for old in states[:-count]:
            shutil.rmtree(old)

    def rewind_log(self, step: int) -> None:
        """Forget what the log says of steps after one: they are to come again."""
        log = self.path / LOG
        if not log.exists():
            return
        kept: list[str] = []
        for line in log.read_text(encoding="utf-8").splitlines():
            try:
                said = json.loads(line)["step"]
            except (ValueError, KeyError):  # the line that it was killed in
                break
            if said <= step:
                kept.append(line)
        log.write_text("".join(line + "\n" for line in kept), encoding="utf-8")

    def log(self, entry: Mapping[str, float]) -> None:
        """Add a line to the log."""
        with (self.path / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def read_log(self) -> list[dict[str, float]]:
        """Return the log's lines."""
        log = self.path / LOG
        text = log.read_text(encoding="utf-8") if log.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def _refuse_other(self, held: object) -> None:
        if held == self._description:
            return
        there = cast("dict[str, Any]", held) if isinstance(held, dict) else {}
        differing = [
            f"{name} {there.get(name)!r} instead of {self._description.get(name)!r}"
            for name in sorted({*there, *self._description})
            if there.get(name) != self._description.get(name)
        ]
        raise RunError(
            str(self.path), f"it holds another run, with {'; '.join(differing)}; give a folder of its own"
        )
