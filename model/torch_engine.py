"""Face-LLaVA in torch: a clip is encoded once per view, and every question branches off its prefix.

clips -> pixels, landmarks -> visual tokens -> prefix's keys and values (once)
                                                 |-> closed prompts as token trees -> scores
                                                 `-> open prompts, all texts word by word together
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from model.answers import Answer
from model.asking import open_prompter, plan_asking
from model.clip import FaceClip
from model.engine import ClipAnswers, EngineConfig, EngineError
from model.face_llava import FaceLlava
from model.plan import Plan
from model.preprocess import Preprocess
from model.questions import Question, View
from model.reading import read_answer
from model.scoring import LogProbs, label_scores
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
        self._prompter = open_prompter(tokenizer_path, model.config, config)
        self._tokenizer = self._prompter.tokenizer
        self._plans: dict[tuple[Question, ...], Plan] = {}
        self._priors: dict[Question, list[LogProbs]] = {}

    @torch.inference_mode()
    def describe(self, clips: Sequence[FaceClip], questions: Sequence[Question]) -> list[ClipAnswers]:
        """See `model.engine.Engine.describe`."""
        if not questions:
            return [[] for _ in clips]
        plan = self._plan(tuple(questions))
        priors = self._prior(plan)
        results: list[ClipAnswers] = []
        for start in range(0, len(clips), self._config.batch_clips):
            results += self._describe_batch(
                plan, priors, clips[start : start + self._config.batch_clips], start
            )
        return results

    def _describe_batch(
        self, plan: Plan, priors: Sequence[Sequence[LogProbs]], clips: Sequence[FaceClip], start: int
    ) -> list[ClipAnswers]:
        """Describe clips at once; `start` is the position of the first in the whole list."""
        visuals = [self._encode(root.view, clips) for root in plan.roots]
        kept = [
            row for row in range(len(clips)) if all(bool(visual[row].isfinite().all()) for visual in visuals)
        ]
        results: list[ClipAnswers] = [
            EngineError(start + row, "encode", f"visual features {self._advice()}")
            for row in range(len(clips))
        ]
        if not kept:
            return results
        trunk = self._trunk(plan, [visual[kept] for visual in visuals])
        sequences = [trunk.score(tree) for tree in plan.scoring]
        texts = self._write(plan, trunk, len(kept))
        for position, row in enumerate(kept):
            outcomes = plan.outcomes([of_tree[position] for of_tree in sequences])
            if _are_finite(outcomes):
                results[row] = self._answers(plan, outcomes, priors, texts[position])
            else:
                results[row] = EngineError(start + row, "score", f"likelihoods {self._advice()}")
        return results

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
                    prompt=self._prompter.text(plan.root_of(question).images, prompt),
                    view=question.view,
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
            trunk = self._trunk(plan, [self._encode_blank(root.view) for root in plan.roots])
            outcomes = plan.outcomes([trunk.score(tree)[0] for tree in plan.scoring])
            if not _are_finite(outcomes):
                raise ValueError(
                    f"no finite likelihoods for a blank clip: the model's weights are damaged or overflow in "
                    f"{self._model.dtype}; try float32"
                )
            for question, of_question in zip(plan.questions, outcomes, strict=True):
                self._priors.setdefault(question, of_question)
        return [self._priors[question] for question in plan.questions]

    def _trunk(self, plan: Plan, visuals: Sequence[Tensor]) -> Trunk:
        """Compute the roots of clips; `visuals` are, per root, their visual tokens [B, images, N, D]."""
        embeddings: list[Tensor] = []
        for root, of_root in zip(plan.roots, visuals, strict=True):
            ids = torch.tensor(root.prefix).expand(len(of_root), -1)
            embeddings.append(self._model.splice(ids, list(of_root.flatten(0, 1))).inputs_embeds)
        return Trunk(self._model.llm, embeddings, plan.room(self._config.max_new_tokens))

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
        """Return the visual tokens [1, images, N, D] of a clip in CLIP's mean colour without landmarks."""
        preprocess = self._preprocess()
        if view == "clip":
            size = preprocess.video_size_px
            return self._model.encode_video(torch.zeros(1, 3, preprocess.frames, size, size))
        size = preprocess.image_size_px
        return self._model.encode_image(torch.zeros(1, 3, size, size))[:, None]

    def _preprocess(self) -> Preprocess:
        config = self._model.config
        video, image = config.video_tower, config.image_tower
        return Preprocess(
            video_size_px=video.image_size if video else 0,
            image_size_px=image.image_size if image else 0,
            frames=video.frames if video else 0,
        )

    def _plan(self, questions: tuple[Question, ...]) -> Plan:
        if questions not in self._plans:
            self._plans[questions] = plan_asking(questions, self._model.config, self._prompter, self._config)
        return self._plans[questions]

    def _advice(self) -> str:
        return f"not finite in {self._model.dtype}; try float32, and check the landmarks"


def _are_finite(outcomes: Sequence[Sequence[LogProbs]]) -> bool:
    return all(bool(np.isfinite(log_probs).all()) for of_question in outcomes for log_probs in of_question)
