"""A real vLLM inside a real Ray actor, killed in the middle of a batch."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from model.clip import FaceClip
from model.demonstration import write_untrained_checkpoint
from model.engine import EngineConfig, VllmConfig
from model.identity import identify_checkpoint
from model.questions import DEFAULT_QUESTIONS
from storage.archive import Fetched
from storage.records import AnswerRecord, Clip, Source, Video
from tests.storage import rows
from workers.clipper import ClipCut
from workers.describer import Described, Describer, DescriberConfig
from workers.fleet import Fleet, FleetConfig
from workers.outcome import Done, Job, Part
from workers.reader import Chunk, RowIds

pytestmark = [pytest.mark.real, pytest.mark.timeout(1200)]  # on a busy machine a start takes minutes

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ASKED = tuple(question for question in DEFAULT_QUESTIONS if question.name in {"deepfake", "expression"})


class PlayedReader:
    """Gives two batches of two clips."""

    def fetch(self, source: Source) -> Fetched:
        return Fetched(video_id="v", path=Path(source.uri), size_bytes=1, etag="1", is_spooled=False)

    def spans(self, fetched: Fetched) -> None:
        """Read in one piece."""

    def leave(self) -> None:
        """Hold nothing."""

    def read(self, fetched: Fetched, ids: RowIds) -> Iterator[Chunk | Video]:
        for batch in range(2):
            cuts = tuple(cut(2 * batch + number, ids) for number in range(2))
            yield Chunk(cuts=cuts, position_s=batch, duration_s=2.0)
        *_, row = rows.video(fetched.video_id, "uri", recipe_id=ids.recipe_id, attempt_id=ids.attempt_id)
        assert isinstance(row, Video)
        yield row


def cut(number: int, ids: RowIds) -> ClipCut:
    random = np.random.default_rng(number)
    clip = FaceClip(
        random.integers(0, 256, (8, 112, 112, 3), dtype=np.uint8),
        random.uniform(0, 112, (8, 68, 2)).astype(np.float32),
        best_frame=0,
    )
    made = rows.video("v", "uri", recipe_id=ids.recipe_id, attempt_id=ids.attempt_id)
    (record,) = (row for row in made if isinstance(row, Clip))
    return ClipCut(replace(record, clip_id=f"c{number}", crops_sha256=clip.crops_sha256()), clip)


class WatchedDescriber(Describer):
    """Writes down its process's children; the first to describe a second batch loses its engine meanwhile."""

    def __init__(self, config: DescriberConfig, notes: Path) -> None:
        super().__init__(config)
        children = [child.pid for child in psutil.Process().children(recursive=True)]
        (notes / f"{os.getpid()}.children").write_text(" ".join(map(str, children)))
        self._notes = notes
        self._batches = 0

    def describe(self, cuts: Sequence[ClipCut]) -> Described:
        self._batches += 1
        if self._batches == 2 and not (self._notes / "killed").exists():
            use: Any = self._engine
            use._decoder.ask = self._ask_and_kill(use._decoder.ask)
        return super().describe(cuts)

    def _ask_and_kill(self, ask: Callable[..., Any]) -> Callable[..., Any]:
        """Return `ask`, before whose second call, with the first clip on its way, the engine is killed."""
        asked: list[Any] = []

        def ask_again(*args: Any) -> Any:
            if len(asked) == 1:
                (core,) = [
                    child
                    for child in psutil.Process().children()
                    if "EngineCore" in " ".join(child.cmdline())
                ]
                core.kill()
                (self._notes / "killed").write_text(str(core.pid))
            asked.append(ask(*args))
            return asked[-1]

        return ask_again


class Made:
    def __init__(self, config: DescriberConfig, notes: Path) -> None:
        self.config = config
        self.notes = notes

    def reader(self) -> Any:
        return PlayedReader()

    def describer(self) -> Describer:
        return WatchedDescriber(self.config, self.notes)


def always(job: Job, video_id: str) -> bool:
    return True


def is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_no_question_is_lost_when_vllm_dies_in_the_middle_of_a_batch(tmp_path: Path) -> None:
    checkpoint = str(write_untrained_checkpoint(tmp_path / "checkpoint"))
    engine = EngineConfig(
        kind="vllm",
        device="cpu",
        dtype="float32",
        max_new_tokens=8,
        vllm=VllmConfig(max_num_seqs=4, cpu_cache_gib=0.25),
    )
    fingerprint = identify_checkpoint(checkpoint).fingerprint
    notes = tmp_path / "notes"
    notes.mkdir()
    made = Made(DescriberConfig(checkpoint, fingerprint, ASKED, engine), notes)
    source = Source("video", 1, "1", NOW, NOW, "scan", "recipe")
    with Fleet(FleetConfig(readers=1, describers=1), made.reader, made.describer) as fleet:
        outcomes = list(fleet.scan([Job(source)], lambda: RowIds("recipe", "attempt", "scan"), always))
    *_, done = outcomes
    assert isinstance(done, Done), done
    parts = [part for part in outcomes if isinstance(part, Part)]
    found = [row for part in parts for of_table in part.rows for row in of_table.records()]
    assert (notes / "killed").exists()
    clips = [row for row in found if isinstance(row, Clip)]
    assert [(clip.clip_id, clip.no_answer_reason) for clip in clips] == [(f"c{n}", None) for n in range(4)]
    answers = [(row.clip_id, row.question) for row in found if isinstance(row, AnswerRecord)]
    assert answers == [(f"c{n}", question.name) for n in range(4) for question in ASKED]

    lived = sorted(notes.glob("*.children"))
    assert len(lived) == 2  # the actor whose engine was killed, and the one after it
    children = [int(pid) for path in lived for pid in path.read_text().split()]
    until = time.monotonic() + 30
    while any(map(is_alive, children)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not [pid for pid in children if is_alive(pid)]
