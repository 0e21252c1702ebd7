"""Face-LLaVA in torch: a clip is encoded once per view, and every question branches off its prefix.

clips -> pixels, landmarks -> visual tokens -> prefix's keys and values (once)
                                                 |-> closed prompts as token trees -> scores
                                                 `-> open prompts, all texts word by word together
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from model.answers import Answer
from model.clip import FaceClip
from model.engine import ClipAnswers, EngineConfig, EngineError
from model.face_llava import FaceLlava
from model.plan import Plan, plan_view
from model.preprocess import Preprocess
from model.prompts import Prompter
from model.questions import Question, View
from model.reading import read_answer
from model.scoring import LogProbs, label_scores
from model.tokenizer import load_tokenizer
from model.trunk import Trunk


class TorchEngine:
    """Answers questions with a loaded model; see `model.engine.Engine`.

    Args:
        model: in evaluation mode, on the device and in the dtype in which it shall run.
        tokenizer_path: its tokenizer.model.
        config: batch sizes and template.
    """

    def __init__(self, model: FaceLlava, tokenizer_path: Path, config: EngineConfig) -> None:
        if config.threads is not None:
            torch.set_num_threads(config.threads)
        self._model = model.eval()
        self._config = config
        self._tokenizer = load_tokenizer(tokenizer_path)
        vocabulary = model.config.llm.vocab_size
        if self._tokenizer.vocabulary > vocabulary:
            raise ValueError(
                f"{tokenizer_path} has {self._tokenizer.vocabulary} tokens, the model {vocabulary}; "
                "give the tokenizer that the checkpoint was trained with"
            )
        self._prompter = Prompter(self._tokenizer, config.template)
        self._plans: dict[tuple[Question, ...], Plan] = {}
        self._priors: dict[Question, list[LogProbs]] = {}

    @torch.inference_mode()
    def describe(self, clips: Sequence[FaceClip], questions: Sequence[Question]) -> list[ClipAnswers]:
        """See `model.engine.Engine.describe`."""
        names = [question.name for question in questions]
        if len(set(names)) < len(names):
            raise ValueError(f"questions {names} share a name; give each its own")
        plans = [
            self._plan(view, tuple(question for question in questions if question.view == view))
            for view in ("clip", "frame")
            if any(question.view == view for question in questions)
        ]
        answers: list[dict[str, Answer]] = [{} for _ in clips]
        errors: dict[int, EngineError] = {}
        for plan in plans:
            for start in range(0, len(clips), self._config.batch_clips):
                batch = range(start, min(start + self._config.batch_clips, len(clips)))
                for index, result in self._describe_batch(plan, clips, batch):
                    if isinstance(result, EngineError):
                        errors.setdefault(index, result)
                    else:
                        answers[index].update({answer.question: answer for answer in result})
        return [
            errors[index] if index in errors else [of_clip[question.name] for question in questions]
            for index, of_clip in enumerate(answers)
        ]

    def _describe_batch(
        self, plan: Plan, clips: Sequence[FaceClip], batch: Sequence[int]
    ) -> Iterator[tuple[int, ClipAnswers]]:
        visuals = self._encode(plan.view, [clips[index] for index in batch])
        finite = [bool(visual.isfinite().all()) for visual in visuals]
        for index, is_finite in zip(batch, finite, strict=True):
            if not is_finite:
                yield index, _not_finite(index, "encode", "visual features", self._model.dtype)
        kept = [index for index, is_finite in zip(batch, finite, strict=True) if is_finite]
        if not kept:
            return
        trunk = self._trunk(
            plan, [visual for visual, is_finite in zip(visuals, finite, strict=True) if is_finite]
        )
        sequences = [trunk.score(tree) for tree in plan.scoring]
        texts = self._write(plan, trunk, len(kept))
        priors = self._prior(plan)
        for row, index in enumerate(kept):
            outcomes = plan.outcomes([of_tree[row] for of_tree in sequences])
            if all(np.isfinite(log_probs).all() for of_question in outcomes for log_probs in of_question):
                yield index, self._answers(plan, outcomes, priors, texts[row])
            else:
                yield index, _not_finite(index, "score", "likelihoods", self._model.dtype)

    def _answers(
        self,
        plan: Plan,
        outcomes: Sequence[Sequence[LogProbs]],
        priors: Sequence[Sequence[LogProbs]],
        texts: Sequence[str],
    ) -> list[Answer]:
        answers: list[Answer] = []
        for position, question in enumerate(plan.questions):
            text = texts[plan.writers.index(position)] if position in plan.writers else ""
            reading = read_answer(text, question)
            prompt = question.prompt if question.rationale else question.score_prompt or question.prompt
            answers.append(
                Answer(
                    question=question.name,
                    text=text,
                    rationale=reading.rationale,
                    parse_status=reading.status,
                    parsed_labels=reading.labels,
                    scores=label_scores(question, outcomes[position], priors[position]),
                    prompt=self._prompter.text(plan.images, prompt),
                    view=plan.view,
                )
            )
        return answers

    def _write(self, plan: Plan, trunk: Trunk, clips: int) -> list[list[str]]:
        """Return the texts per clip and writer of the plan."""
        if not plan.writers:
            return [[] for _ in range(clips)]
        written = trunk.write(plan.writing, plan.paths, self._config.max_new_tokens, self._tokenizer.eos_id)
        return [[self._tokenizer.decode(tokens) for tokens in of_clip] for of_clip in written]

    def _prior(self, plan: Plan) -> list[list[LogProbs]]:
        """Return the outcomes' log-likelihoods given a blank clip, computed once per question."""
        if any(question not in self._priors for question in plan.questions):
            trunk = self._trunk(plan, [self._encode_blank(plan.view)])
            outcomes = plan.outcomes([trunk.score(tree)[0] for tree in plan.scoring])
            for question, of_question in zip(plan.questions, outcomes, strict=True):
                if not all(np.isfinite(log_probs).all() for log_probs in of_question):
                    raise ValueError(
                        f"no finite likelihoods for question {question.name} and a blank clip: the model's "
                        f"weights are damaged or overflow in {self._model.dtype}; try float32"
                    )
                self._priors.setdefault(question, of_question)
        return [self._priors[question] for question in plan.questions]

    def _trunk(self, plan: Plan, visuals: Sequence[Tensor]) -> Trunk:
        """Compute the prefix of clips whose visual tokens are [images, N, D]."""
        ids = torch.tensor(plan.prefix).expand(len(visuals), -1)
        spliced = self._model.splice(ids, [picture for visual in visuals for picture in visual])
        return Trunk(self._model.llm, spliced.inputs_embeds, plan.room(self._config.max_new_tokens))

    def _encode(self, view: View, clips: Sequence[FaceClip]) -> Tensor:
        """Return the visual tokens [B, images, N, D]."""
        preprocess = self._preprocess()
        pairs = [preprocess.video(clip) if view == "clip" else preprocess.image(clip) for clip in clips]
        pixels = torch.stack([pair[0] for pair in pairs])
        has_branch = self._model.config.cross_attention != "none"
        landmarks = torch.stack([pair[1] for pair in pairs]) if has_branch else None
        if view == "clip":
            return self._model.encode_video(pixels, landmarks)
        return self._model.encode_image(pixels, landmarks)[:, None]

    def _encode_blank(self, view: View) -> Tensor:
        """Return the visual tokens [images, N, D] of a clip in CLIP's mean colour without landmarks."""
        preprocess = self._preprocess()
        if view == "clip":
            size = preprocess.video_size_px
            return self._model.encode_video(torch.zeros(1, 3, preprocess.frames, size, size))[0]
        size = preprocess.image_size_px
        return self._model.encode_image(torch.zeros(1, 3, size, size))

    def _preprocess(self) -> Preprocess:
        config = self._model.config
        video, image = config.video_tower, config.image_tower
        return Preprocess(
            video_size_px=video.image_size if video else 0,
            image_size_px=image.image_size if image else 0,
            frames=video.frames if video else 0,
        )

    def _plan(self, view: View, questions: tuple[Question, ...]) -> Plan:
        if questions not in self._plans:
            config = self._model.config
            names = ", ".join(question.name for question in questions)
            if (config.video_tower if view == "clip" else config.image_tower) is None:
                raise ValueError(f"the model has no tower for view {view!r}; change the view of {names}")
            images = config.frames if view == "clip" else 1
            plan = plan_view(view, questions, self._prompter, images, self._config.tree_tokens)
            per_image = config.frame_tokens if view == "clip" else config.image_tokens
            length = len(plan.prefix) + images * (per_image - 1) + plan.depth(self._config.max_new_tokens)
            if length > config.llm.max_positions:
                raise ValueError(
                    f"{names} need up to {length} tokens, the model has {config.llm.max_positions}: "
                    "shorten the prompts or lower max_new_tokens"
                )
            self._plans[questions] = plan
        return self._plans[questions]


def _not_finite(index: int, stage: Literal["encode", "score"], what: str, dtype: torch.dtype) -> EngineError:
    return EngineError(index, stage, f"{what} not finite in {dtype}; try float32, and check the landmarks")
