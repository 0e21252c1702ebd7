"""The demonstration checkpoint: a small Face-LLaVA that learns from rendered faces, from nothing to answers.

    clips        films are rendered, encoded and read as a scan reads them          OUT/clips/
    towers       stage 0: image and video tower learn what is known of each clip    OUT/stills/, OUT/moves/
    decoder      stage 0: projector and decoder learn to talk about what towers see OUT/decoder/
    stage 1      the landmark branch learns                                         OUT/stage-1/
    stage 2      all but the towers learn                                           OUT/stage-2/

Each step is done once and goes on where it was killed; OUT/plan.json says how much each is to do.
"""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from numpy.random import default_rng

from flows.train import Tell, TrainRequest, train
from flows.training.lessons import KeptClip, make_clips
from flows.training.model_card import write_model_card
from flows.training.talk import write_talk
from flows.usage import UsageError
from model.checkpoints.checkpoint import load_checkpoint
from model.demonstration import DEMONSTRATION_CONFIG, draw_learner, save_demonstration
from model.network.config import CrossAttentionKind
from model.network.face_llava import FaceLlava
from model.synthetic.lesson import LessonConfig
from model.synthetic.truths import truths_of
from model.training.config import Stage, TrainingConfig
from model.training.pictures import prepare_pictures
from model.training.priming import Glances, Look, Primer, copy_image_tower
from model.training.run import Run, make_accelerator
from model.training.state import RunFolder

_SHARES = {"clips": 0.30, "stills": 0.12, "moves": 0.12, "decoder": 0.21, "stage-1": 0.02, "stage-2": 0.16}
"""Of the time; the rest is loading and checking."""
_STILLS, _CLIPS = 64, 16
"""Of a batch that towers learn from."""
_TALKS, _BATCHES = 4, 4
"""Conversations of a batch, and batches of a step.

A batch holds conversations of one kind and length, and steps that see one kind at a time learn less of the
hard ones: after 300 steps of sixteen conversations, an AUC of action units of 0.76; of four times four, 0.94.
"""
_PRACTICE_STEPS = 12
"""That are taken and thrown away, to see how long one lasts."""
_RATES = {"stills": 2e-3, "moves": 1e-3, "decoder": 4e-3, "stage-1": 1e-3, "stage-2": 2e-3}
"""Highest learning rates."""


@dataclass(frozen=True, slots=True)
class DemonstrationRequest:
    """What to make.

    Attributes:
        out: folder of all steps.
        minutes: for everything; how much is rendered and learned follows from how fast this machine is.
        seed: of lessons, weights and order.
        processes: that render at once, and threads of torch.
        cross_attention: variant of the landmark branch, or none.
        lessons: films at most.
        is_shuffled: give every clip the truth of another one: what is learned then must be worth nothing.
    """

    out: Path
    minutes: float = 57.0
    seed: int = 1
    processes: int = 2
    cross_attention: CrossAttentionKind = "simple"
    lessons: int = 1000
    is_shuffled: bool = False

    def __post_init__(self) -> None:
        if not self.minutes > 0 or min(self.processes, self.lessons) < 1:
            raise UsageError(
                f"minutes {self.minutes}, processes {self.processes}, lessons {self.lessons}: give some"
            )


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What was made.

    Attributes:
        checkpoint: its directory.
        clips: that it learned from.
        minutes: of each step, since this call began; a step that was done before took none.
    """

    checkpoint: Path
    clips: int
    minutes: dict[str, float]


def make_demonstration(request: DemonstrationRequest, tell: Callable[[str, str], None]) -> Demonstration:
    """Make the demonstration checkpoint, or go on with it.

    Args:
        request: what.
        tell: called with the name of a step and how far it is.

    Raises:
        UsageError: the folder holds something else.
    """
    making = _Making(request, tell)
    minutes: dict[str, float] = {}
    for name, step in (
        ("clips", making.clips),
        ("stills", making.stills),
        ("moves", making.moves),
        ("decoder", making.decoder),
        ("stage-1", making.stage_1),
        ("stage-2", making.stage_2),
    ):
        started = time.monotonic()
        step()
        minutes[name] = (time.monotonic() - started) / 60
    directory = request.out / "checkpoint"
    shutil.copytree(request.out / "stage-2" / "checkpoint", directory, dirs_exist_ok=True)
    write_model_card(request.out, directory)
    return Demonstration(directory, len(making.kept), minutes)


def talk_settings(request: DemonstrationRequest, name: str) -> TrainingConfig:
    """Return how a part that learns from conversations is trained, but for its steps."""
    return replace(_settings(request, name), batch_size=_TALKS, accumulation=_BATCHES, weight_decay=0.01)


def _settings(request: DemonstrationRequest, name: str) -> TrainingConfig:
    return TrainingConfig(
        epochs=10_000,  # the steps end it
        batch_size=_STILLS if name == "stills" else _CLIPS,
        learning_rate=_RATES[name],
        warmup_share=0.05,
        weight_decay=0.05,
        optimiser="muon",
        template="inference",  # what a scan asks by default
        is_checkpointing=False,
        seed=request.seed,
        save_steps=100,
        threads=request.processes,
    )


class _Making:
    def __init__(self, request: DemonstrationRequest, tell: Callable[[str, str], None]) -> None:
        self._request, self._tell, self._out = request, tell, request.out
        self.kept: list[KeptClip] = []
        torch.set_num_threads(request.processes)
        self._plan_path = request.out / "plan.json"
        self._plan: dict[str, Any] = {"request": _described(request), "steps": {}}
        if self._plan_path.exists():
            self._plan = json.loads(self._plan_path.read_text(encoding="utf-8"))
            if self._plan["request"] != _described(request):
                raise UsageError(f"{request.out} holds another demonstration, of {self._plan['request']}")
        elif request.out.exists() and any(request.out.iterdir()):
            raise UsageError(f"{request.out} holds something else; give a new folder")
        request.out.mkdir(parents=True, exist_ok=True)
        self._write_plan()

    def clips(self) -> None:
        """Render and read lessons; how many there are is decided once."""
        request, planned = self._request, self._plan["steps"].get("clips")
        begun_s, minutes = time.monotonic(), request.minutes * _SHARES["clips"]

        def told(done: int, wanted: int) -> None:
            if done % 10 == 0 or done == wanted:
                passed = (time.monotonic() - begun_s) / 60
                most = (
                    f"of {wanted} films" if planned else f"films after {passed:.1f} of {minutes:.1f} minutes"
                )
                self._tell("clips", f"{done} {most}")

        self.kept = make_clips(
            self._out / "clips",
            request.seed,
            lessons=planned or request.lessons,
            until_s=float("inf") if planned else begun_s + 60 * minutes,
            processes=request.processes,
            config=LessonConfig(),
            tell=told,
        )
        if planned is None:
            there = sum(1 for _ in (self._out / "clips").glob("*.json"))
            self._decide("clips", there)
        if request.is_shuffled:
            places = default_rng(request.seed).permutation(len(self.kept)).tolist()
            self.kept = [
                replace(clip, label=self.kept[place].label)
                for clip, place in zip(self.kept, places, strict=True)
            ]
        write_talk(self.kept, self._out / "clips", self._out, request.seed)

    def stills(self) -> None:
        """Teach the image tower."""
        config = replace(DEMONSTRATION_CONFIG, cross_attention=self._request.cross_attention)
        self._prime("still", "stills", lambda: draw_learner(config, self._request.seed))

    def moves(self) -> None:
        """Teach the video tower, which begins as the image tower."""

        def begin() -> FaceLlava:
            model = load_checkpoint(self._out / "stills" / "checkpoint", dtype="float32", device="cpu").model
            copy_image_tower(model)
            return model

        self._prime("clip", "moves", begin)

    def decoder(self) -> None:
        """Teach projector and decoder to talk, without landmarks."""
        self._train("2", "decoder", "talk-begin.json", self._out / "moves" / "checkpoint")

    def stage_1(self) -> None:
        """Teach the landmark branch."""
        if self._request.cross_attention != "none":
            self._train("1", "stage-1", "talk-clips.json", self._out / "decoder" / "checkpoint")

    def stage_2(self) -> None:
        """Teach all but the towers."""
        has_branch = self._request.cross_attention != "none"
        start = self._out / ("stage-1" if has_branch else "decoder") / "checkpoint"
        self._train("2", "stage-2", "talk.json" if has_branch else "talk-alone.json", start)

    def _prime(self, look: Look, name: str, begin: Callable[[], FaceLlava]) -> None:
        folder = self._out / name
        directory = folder / "checkpoint"
        if directory.exists():
            return
        pictures = prepare_pictures(
            [self._out / "clips" / f"{clip.name}.npy" for clip in self.kept], DEMONSTRATION_CONFIG, self._out
        )
        truths = truths_of([clip.label for clip in self.kept], [clip.seen for clip in self.kept])
        lessons = Glances(pictures, truths, range(len(self.kept)), look).lessons()

        def learn(to: Path, steps: int, tell: Tell) -> FaceLlava:
            torch.manual_seed(self._request.seed)
            model = begin()
            config = replace(_settings(self._request, name), steps=steps)
            run = Run(
                Primer(model, truths, look),
                lessons,
                "2",
                config,
                folder=RunFolder(to, {"settings": asdict(config)}),
                accelerator=make_accelerator(config),
            )
            run.resume()
            run.train(tell)
            return model

        model = learn(folder, self._steps(name, learn), self._teller(name))
        model.requires_grad_(requires_grad=False)
        save_demonstration(model, folder / "part").rename(directory)

    def _train(self, stage: Stage, name: str, data: str, start: Path) -> None:
        config = replace(
            talk_settings(self._request, name),
            weights_dtype="float16" if name == "stage-2" else "float32",
        )

        def learn(to: Path, steps: int, tell: Tell) -> None:
            clips = self._out / "clips"
            train(
                TrainRequest(stage, self._out / data, clips, str(start), to, replace(config, steps=steps)),
                tell,
            )

        learn(self._out / name, self._steps(name, learn), self._teller(name))

    def _steps(self, name: str, learn: Callable[[Path, int, Tell], object]) -> int:
        """Return how many steps a part takes, decided once from how long some last here."""
        if name not in self._plan["steps"]:
            taken: list[float] = []
            with TemporaryDirectory() as folder:
                learn(Path(folder) / name, _PRACTICE_STEPS, lambda step: taken.append(step.seconds))
            seconds = sum(taken[1:]) / len(taken[1:])  # the first one warms up
            self._decide(name, max(2, int(60 * self._request.minutes * _SHARES[name] / seconds)))
        return self._plan["steps"][name]

    def _decide(self, name: str, count: int) -> None:
        self._plan["steps"][name] = count
        self._write_plan()

    def _write_plan(self) -> None:
        part = self._plan_path.with_suffix(".part")
        part.write_text(json.dumps(self._plan, indent=2) + "\n", encoding="utf-8")
        part.rename(self._plan_path)

    def _teller(self, name: str) -> Tell:
        def told(step: Any) -> None:
            if step.step % 20 == 0 or step.step == step.steps:
                self._tell(name, f"step {step.step} of {step.steps}, loss {step.loss:.3f}")

        return told


def _described(request: DemonstrationRequest) -> dict[str, Any]:
    return {name: value for name, value in asdict(request).items() if name not in {"out", "processes"}}
