"""The computed beginning of a batch of prompts, and the branches that grow from it.

B clips, P prefix tokens, N tree nodes, Q branches, D width, V vocabulary. All clips of a batch are asked the
same, so that tokens, positions and masks are shared by the batch.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import LlamaForCausalLM

from model.branch_cache import BranchCache, tree_mask
from model.token_tree import ScoringTree, TokenTree


class Trunk:
    """Keys and values of a prefix, computed once.

    Args:
        llm: the decoder, in evaluation mode.
        prefix_BPD: embeddings of the system line and the pictures.
        room: most tokens that branches will need at one time.
    """

    def __init__(self, llm: LlamaForCausalLM, prefix_BPD: Tensor, room: int) -> None:
        self._llm = llm
        self._batch, self._prefix = prefix_BPD.shape[:2]
        self._device = prefix_BPD.device
        self._capacity = self._prefix + room
        self._cache = BranchCache(int(llm.config.num_hidden_layers), self._capacity)
        positions = torch.arange(self._prefix, device=self._device)[None]
        llm.model(
            inputs_embeds=prefix_BPD, position_ids=positions, past_key_values=self._cache, use_cache=True
        )

    def score(self, scoring: ScoringTree) -> NDArray[np.float64]:
        """Return the log-likelihood of each sequence's tail, [B, sequences], and forget the tree."""
        hidden_BND = self._grow_tree(scoring.tree)
        self._cache.rewind(self._prefix)
        nodes = self._to_device(scoring.nodes)
        positions, targets = self._to_device(scoring.pairs).unbind(1)
        rows: list[NDArray[np.float64]] = []
        for hidden_ND in hidden_BND:  # one clip at a time: logits are [U, V], the largest tensor of all
            logits_UV = self._logits(hidden_ND[nodes])
            log_probs_K = logits_UV[positions, targets] - logits_UV.logsumexp(-1)[positions]
            rows.append(scoring.log_probs(log_probs_K.cpu().numpy().astype(np.float64)))
        return np.stack(rows)

    def write(
        self, tree: TokenTree, paths: Sequence[Sequence[int]], most_tokens: int, eos_id: int
    ) -> list[list[list[int]]]:
        """Return what the model says greedily behind each path of a tree, without eos, [B][Q][tokens].

        Each step adds one token to every branch that is still open for some clip.
        """
        leaves = [path[-1] for path in paths]
        hidden_BND = self._grow_tree(tree)
        is_seen_QC = torch.zeros(len(paths), self._capacity, dtype=torch.bool, device=self._device)
        is_seen_QC[:, : self._prefix] = True
        is_seen_QC[:, self._prefix : self._cache.length] = self._to_device(tree.is_visible[leaves])
        positions_Q = self._to_device(tree.depths[leaves]) + self._prefix
        tokens_BQ = self._logits(hidden_BND[:, leaves]).argmax(-1)

        written: list[list[list[int]]] = [[[] for _ in paths] for _ in range(self._batch)]
        is_open = [[True] * len(paths) for _ in range(self._batch)]
        for step in range(1, most_tokens + 1):
            for clip, of_clip in enumerate(tokens_BQ.tolist()):
                for branch, token in enumerate(of_clip):
                    is_open[clip][branch] &= token != eos_id
                    if is_open[clip][branch]:
                        written[clip][branch].append(token)
            branches = [branch for branch in range(len(paths)) if any(of_clip[branch] for of_clip in is_open)]
            if not branches or step == most_tokens:
                break
            slots = torch.arange(len(branches), device=self._device) + self._cache.length
            is_seen_QC[branches, slots] = True
            end = self._cache.length + len(branches)
            hidden_BQD = self._grow(
                tokens_BQ[:, branches],
                (positions_Q[branches] + step)[None],
                is_seen_QC[branches, :end][None, None],
            )
            tokens_BQ[:, branches] = self._logits(hidden_BQD).argmax(-1)
        self._cache.rewind(self._prefix)
        return written

    def _grow_tree(self, tree: TokenTree) -> Tensor:
        """Return the last hidden states [B, N, D] of a tree's nodes."""
        return self._grow(
            self._to_device(tree.tokens).expand(self._batch, -1),
            (self._to_device(tree.depths) + self._prefix)[None],
            tree_mask(self._prefix, self._to_device(tree.is_visible)),
        )

    def _grow(self, tokens_BN: Tensor, positions_1N: Tensor, mask_11NK: Tensor) -> Tensor:
        output = self._llm.model(
            input_ids=tokens_BN,
            position_ids=positions_1N,
            attention_mask=mask_11NK,
            past_key_values=self._cache,
            use_cache=True,
        )
        hidden: Tensor = output.last_hidden_state
        return hidden

    def _logits(self, hidden: Tensor) -> Tensor:
        """Return the logits in float32, so that a half-precision model's probabilities add up."""
        logits: Tensor = self._llm.lm_head(hidden)
        return logits.float()

    def _to_device(self, array: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(array).to(self._device)
