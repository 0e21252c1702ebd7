"""Face-LLaVA in torch: a clip is encoded once per view, and every question branches off its prefix.

clips -> pixels, landmarks -> visual tokens -> prefix's keys and values (once)
                                                 |-> closed prompts as token trees -> scores
                                                 `-> open prompts, all texts word by word together
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from model.clip import FaceClip
from model.engines.encoder import ClipEncoder
from model.engines.engine import ClipAnswers, EngineConfig, EngineError
from model.engines.interview import Interview, Outcomes, are_finite
from model.engines.trunk import Trunk
from model.network.face_llava import FaceLlava
from model.prompting.plan import Plan
from model.prompting.questions import Question


class TorchEngine:
    """Answers questions with a loaded model; see `model.engines.engine.Engine`.

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
        self._interview = Interview(model.config, tokenizer_path, config)
        self._encoder = ClipEncoder(model)

    @torch.inference_mode()
    def describe(self, clips: Sequence[FaceClip], questions: Sequence[Question]) -> list[ClipAnswers]:
        """See `model.engines.engine.Engine.describe`."""
        if not questions:
            return [[] for _ in clips]
        plan = self._interview.plan(tuple(questions))
        priors = self._interview.priors(plan, lambda: self._ask_blank(plan))
        results: list[ClipAnswers] = []
        for start in range(0, len(clips), self._config.batch_clips):
            results += self._describe_batch(
                plan, priors, clips[start : start + self._config.batch_clips], start
            )
        return results

    def _describe_batch(
        self, plan: Plan, priors: Outcomes, clips: Sequence[FaceClip], start: int
    ) -> list[ClipAnswers]:
        """Describe clips at once; `start` is the position of the first in the whole list."""
        visuals = [self._encoder.encode(root.view, clips) for root in plan.roots]
        kept = [
            row for row in range(len(clips)) if all(bool(visual[row].isfinite().all()) for visual in visuals)
        ]
        results: list[ClipAnswers] = [
            EngineError.not_finite(start + row, "encode", self._model.dtype) for row in range(len(clips))
        ]
        if not kept:
            return results
        trunk = self._trunk(plan, [visual[kept] for visual in visuals])
        sequences = [trunk.score(tree) for tree in plan.scoring]
        texts = self._write(plan, trunk, len(kept))
        for position, row in enumerate(kept):
            outcomes = plan.outcomes([of_tree[position] for of_tree in sequences])
            if are_finite(outcomes):
                results[row] = self._interview.answers(plan, outcomes, priors, texts[position])
            else:
                results[row] = EngineError.not_finite(start + row, "score", self._model.dtype)
        return results

    def _write(self, plan: Plan, trunk: Trunk, clips: int) -> list[list[str]]:
        """Return the texts per clip and writer of the plan."""
        if not plan.writers:
            return [[] for _ in range(clips)]
        tokenizer = self._interview.tokenizer
        written = trunk.write(plan.writing, plan.paths, self._config.max_new_tokens, tokenizer.eos_id)
        return [[tokenizer.decode(tokens) for tokens in of_clip] for of_clip in written]

    def _ask_blank(self, plan: Plan) -> Outcomes:
        trunk = self._trunk(plan, [self._encoder.encode_blank(root.view) for root in plan.roots])
        return plan.outcomes([trunk.score(tree)[0] for tree in plan.scoring])

    def _trunk(self, plan: Plan, visuals: Sequence[Tensor]) -> Trunk:
        """Compute the roots of clips; `visuals` are, per root, their visual tokens [B, images, N, D]."""
        embeddings: list[Tensor] = []
        for root, of_root in zip(plan.roots, visuals, strict=True):
            ids = torch.tensor(root.prefix).expand(len(of_root), -1)
            embeddings.append(self._model.splice(ids, list(of_root.flatten(0, 1))).inputs_embeds)
        return Trunk(self._model.llm, embeddings, plan.room(self._config.max_new_tokens))
