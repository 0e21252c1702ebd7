from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from model.checkpoints.identity import Fingerprint
from model.engines.engine import EngineConfig, EngineDiedError, NoReplyError
from model.network.config import CheckpointError
from workers import describer
from workers.describer import Describer, DescriberConfig
from workers.failure import TransientError

FINGERPRINT = Fingerprint("w" * 64, (("config.json", "c" * 64),), is_demonstration=True)
CONFIG = DescriberConfig("checkpoint", FINGERPRINT, (), EngineConfig())


class PlayedEngine:
    """Raises what it was given once it is asked about clips, or at its first question."""

    def __init__(self, error: Exception, *, is_at_start: bool = False) -> None:
        self._error = error
        self._is_at_start = is_at_start

    def describe(self, clips: Sequence[Any], questions: Sequence[Any]) -> list[Any]:
        if clips or self._is_at_start:
            raise self._error
        return []


def made(
    monkeypatch: pytest.MonkeyPatch, engine: PlayedEngine, fingerprint: Fingerprint = FINGERPRINT
) -> Describer:
    loaded = SimpleNamespace(fingerprint=fingerprint, model_id="m", is_demonstration=True)

    def load(directory: str, **options: Any) -> Any:
        return loaded

    def opened(checkpoint: Any, config: EngineConfig) -> PlayedEngine:
        return engine

    monkeypatch.setattr(describer, "load_checkpoint", load)
    monkeypatch.setattr(describer, "open_engine", opened)
    return Describer(CONFIG)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (torch.OutOfMemoryError("full"), TransientError),
        (NoReplyError("too busy"), TransientError),
        (torch.AcceleratorError("illegal memory access"), EngineDiedError),
        (EngineDiedError("gone"), EngineDiedError),
    ],
)
def test_a_fault_of_the_machine_is_no_final_fault_of_the_video(
    error: Exception, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    cut: Any = SimpleNamespace(clip=None, record=None)
    with pytest.raises(kind):
        made(monkeypatch, PlayedEngine(error)).describe([cut])


def test_what_no_clip_could_be_asked_shows_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="blank clip"):
        made(monkeypatch, PlayedEngine(ValueError("a blank clip"), is_at_start=True))


@pytest.mark.parametrize(
    ("found", "named"),
    [
        (replace(FINGERPRINT, weights_sha256="x" * 64), "different: the weights"),
        (replace(FINGERPRINT, files=(("config.json", "x" * 64),)), r"different: config\.json"),
        (replace(FINGERPRINT, is_demonstration=False), "facesift_training.json"),
    ],
)
def test_a_checkpoint_that_differs_on_this_machine_is_refused(
    found: Fingerprint, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CheckpointError, match=named):
        made(monkeypatch, PlayedEngine(ValueError()), found)
