"""A scan by a real vLLM, which is killed in the middle: the lake is that of an undisturbed scan."""

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from flows.request import ScanRequest
from model.demonstration import write_untrained_checkpoint
from storage.catalog import Catalog
from storage.lake import Lake
from tests.flows.played_run import rows, scan_with
from workers.clipper import ClipCut
from workers.describer import Described, Describer, DescriberConfig
from workers.fleet import Fleet, FleetConfig
from workers.reader import Reader

pytestmark = [pytest.mark.real, pytest.mark.timeout(1200)]  # on a busy machine a start takes minutes

RECIPE = """
tasks = ["deepfake", "expression"]
[engine]
kind = "vllm"
device = "cpu"
dtype = "float32"
max_new_tokens = 8
[engine.vllm]
max_num_seqs = 4
cpu_cache_gib = 0.25
"""
SCORES = {"score", "spread", "log_prob", "prior_log_prob"}


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


def is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def scores(lake: Path) -> list[float]:
    """Return every number that the model gave, which depends on what else it computed at the time."""
    found = Catalog(Lake(lake)).query(
        f"select {', '.join(sorted(SCORES))} from findings order by clip_id, question, label"
    )
    return [row[name] or 0.0 for row in found.to_pylist() for name in sorted(SCORES)]


def test_no_row_is_lost_or_doubled_when_vllm_dies_in_the_middle_of_a_batch(
    films: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE)
    checkpoint = str(write_untrained_checkpoint(tmp_path / "checkpoint"))
    notes, torn, whole = (tmp_path / name for name in ("notes", "torn", "whole"))
    notes.mkdir()
    killed, undisturbed = (
        ScanRequest((str(films),), str(lake), recipe=str(recipe), checkpoint=checkpoint)
        for lake in (torn, whole)
    )
    pinned = killed.pin()
    make_describer = partial(WatchedDescriber, pinned.describer(), notes)
    config = FleetConfig(readers=1, describers=1)
    with Fleet(config, partial(Reader, pinned.recipe.reader), make_describer) as fleet:
        summaries = [scan_with(fleet, request) for request in (killed, undisturbed)]
    assert (notes / "killed").exists()
    assert [summary.by_status["done"] for summary in summaries] == [3, 3]
    assert rows(str(torn), apart_from=SCORES) == rows(str(whole), apart_from=SCORES)
    assert scores(torn) == pytest.approx(scores(whole), rel=1e-3, abs=1e-5)
    for lake in (torn, whole):
        assert not {name: found for name, found in Catalog(Lake(lake)).run_checks().items() if found}
    assert Catalog(Lake(torn)).view("failures").num_rows == 0

    lived = sorted(notes.glob("*.children"))
    assert len(lived) == 2  # the actor whose engine was killed, and the one after it
    children = [int(pid) for path in lived for pid in path.read_text().split()]
    until = time.monotonic() + 30
    while any(map(is_alive, children)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not [pid for pid in children if is_alive(pid)]
