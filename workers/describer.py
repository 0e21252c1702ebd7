"""The describer: a batch of face clips in, rows of answers and findings out."""

import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from model.answers import Answer
from model.checkpoints.checkpoint import load_checkpoint
from model.checkpoints.identity import Fingerprint
from model.engines.engine import EngineConfig, EngineDiedError, EngineError, NoReplyError, open_engine
from model.network.config import CheckpointError
from model.prompting.questions import Question
from storage.records import AnswerRecord, Clip, Finding
from workers.clipper import ClipCut
from workers.evidence import Picture, draw_evidence
from workers.failure import TransientError


@dataclass(frozen=True, slots=True)
class DescriberConfig:
    """Which model answers which questions, and how."""

    checkpoint: str
    """Directory or hub id."""
    fingerprint: Fingerprint
    """Of the checkpoint that the recipe was made with; the one found under its name must have the same."""
    questions: tuple[Question, ...]
    engine: EngineConfig


@dataclass(frozen=True, slots=True)
class Described:
    """What the model said about a batch of clips.

    Attributes:
        clips: one per clip.
        answers: one per clip and question.
        findings: one per clip, question and label.
        pictures: the clips' evidence.
        describe_s: wall-clock seconds that it took.
    """

    clips: tuple[Clip, ...]
    answers: tuple[AnswerRecord, ...]
    findings: tuple[Finding, ...]
    pictures: tuple[Picture, ...]
    describe_s: float


class Describer:
    """Loads the weights once and answers every question about every clip that it is given.

    A plain class: `workers.fleet` wraps it for Ray, a test or a notebook calls it as it is.
    """

    def __init__(self, config: DescriberConfig) -> None:
        self._questions = config.questions
        engine = config.engine
        checkpoint = load_checkpoint(
            config.checkpoint,
            dtype=engine.dtype,
            device=engine.device,
            quantize=None if engine.quantization == "none" else engine.quantization,
            branch_scale=engine.branch_scale,
            cross_attention=engine.cross_attention,
            has_decoder=engine.kind == "torch",  # vLLM loads it itself
        )
        changed = config.fingerprint.differences(checkpoint.fingerprint)
        if changed:
            problem = (
                f"on {platform.node()} it is not what this scan was started with; different: "
                f"{', '.join(changed)}; give every machine the same files, or start the scan anew"
            )
            raise CheckpointError(config.checkpoint, (problem,))
        self._model_id = checkpoint.model_id
        self._is_demonstration = checkpoint.is_demonstration
        self._engine = open_engine(checkpoint, engine)
        self._engine.describe([], self._questions)  # what no clip could be asked is an error of the start

    def describe(self, cuts: Sequence[ClipCut]) -> Described:
        """Answer every question about every clip; a clip that the model fails on carries the reason.

        Raises:
            TransientError: stage `describe`, when the device is too small for a batch, or the engine gave no
                reply.
            EngineDiedError: this process cannot describe any more.
        """
        started = time.perf_counter()
        clips: list[Clip] = []
        answers: list[AnswerRecord] = []
        findings: list[Finding] = []
        pictures: list[Picture] = []
        try:
            described = self._engine.describe([cut.clip for cut in cuts], self._questions)
        except torch.OutOfMemoryError as error:
            message = "the device ran out of memory; lower engine.batch_clips"
            raise TransientError("describe", message, type(error).__name__) from error
        except torch.AcceleratorError as error:
            # After such an error every later call in this process fails, whatever the clip.
            raise EngineDiedError(str(error)) from error
        except NoReplyError as error:
            raise TransientError("describe", f"the engine gave no reply: {error}", "NoReplyError") from error
        for cut, of_clip in zip(cuts, described, strict=True):
            picture = draw_evidence(cut.record, cut.clip)
            pictures.append(picture)
            if isinstance(of_clip, EngineError):
                reason = f"{of_clip.stage}: {of_clip.message}"
                clips.append(replace(cut.record, evidence=picture.path, no_answer_reason=reason))
                continue
            clips.append(replace(cut.record, evidence=picture.path))
            for answer in of_clip:
                answers.append(self._answer_row(cut.record, answer))
                findings.extend(self._finding_rows(cut.record, answer))
        duration_s = time.perf_counter() - started
        return Described(tuple(clips), tuple(answers), tuple(findings), tuple(pictures), duration_s)

    def _answer_row(self, clip: Clip, answer: Answer) -> AnswerRecord:
        return AnswerRecord(
            clip_id=clip.clip_id,
            track_id=clip.track_id,
            video_id=clip.video_id,
            recipe_id=clip.recipe_id,
            attempt_id=clip.attempt_id,
            question=answer.question,
            text=answer.text,
            rationale=answer.rationale,
            parse_status=answer.parse_status,
            parsed_labels=answer.parsed_labels,
            prompt=answer.prompt,
            view=answer.view,
            model_id=self._model_id,
            is_demonstration=self._is_demonstration,
            numbers=answer.numbers,
            number_log_probs=answer.number_log_probs,
            number_prior_log_probs=answer.number_prior_log_probs,
        )

    def _finding_rows(self, clip: Clip, answer: Answer) -> Iterator[Finding]:
        for found in answer.scores:
            yield Finding(
                clip_id=clip.clip_id,
                track_id=clip.track_id,
                video_id=clip.video_id,
                recipe_id=clip.recipe_id,
                attempt_id=clip.attempt_id,
                question=answer.question,
                label=found.label,
                score=found.score,
                unit=found.unit,
                spread=found.spread,
                log_prob=found.log_prob,
                prior_log_prob=found.prior_log_prob,
                model_id=self._model_id,
            )
