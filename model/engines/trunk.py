"""The computed beginnings of a batch of prompts, and the branches that grow from them.

B clips, P prefix tokens of all roots, R roots, N tree nodes, Q branches, C tokens of the cache, D width,
V vocabulary. Each root is the prefix of one view; they lie one behind the other in the cache and do not see
each other, so that the questions about all views share their forward passes. All clips of a batch are asked
the same, so that tokens, positions and masks are shared by the batch.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import LlamaForCausalLM

from model.engines.branch_cache import BranchCache
from model.prompting.token_tree import ScoringTree, TokenTree


class Trunk:
    """Keys and values of the roots, computed once.

    Args:
        llm: the decoder, in evaluation mode.
        roots: per root the embeddings [B, its tokens, D] of system line and pictures.
        room: most tokens that branches will need at one time.
    """

    def __init__(self, llm: LlamaForCausalLM, roots: Sequence[Tensor], room: int) -> None:
        self._llm = llm
        self._batch = roots[0].shape[0]
        self._device = roots[0].device
        self._lengths_R = torch.tensor([root.shape[1] for root in roots], device=self._device)
        self._prefix = int(self._lengths_R.sum())
        self._capacity = self._prefix + room
        self._cache = BranchCache(int(llm.config.num_hidden_layers), self._capacity)
        # Which prefix tokens a branch of each root sees: those of the root alone.
        of_token_P = torch.arange(len(roots), device=self._device).repeat_interleave(self._lengths_R)
        self._is_root_RP = of_token_P == torch.arange(len(roots), device=self._device)[:, None]
        for root in roots:
            self._add_root(root)

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
        roots_Q = self._to_device(tree.roots[leaves])
        is_seen_QC = torch.zeros(len(paths), self._capacity, dtype=torch.bool, device=self._device)
        is_seen_QC[:, : self._prefix] = self._is_root_RP[roots_Q]
        is_seen_QC[:, self._prefix : self._cache.length] = self._to_device(tree.is_visible[leaves])
        positions_Q = self._to_device(tree.depths[leaves]) + self._lengths_R[roots_Q]
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
            end = self._cache.length + len(branches)
            is_seen_QC[branches, torch.arange(self._cache.length, end, device=self._device)] = True
            hidden_BQD = self._grow(
                tokens_BQ[:, branches], positions_Q[branches] + step, is_seen_QC[branches, :end]
            )
            tokens_BQ[:, branches] = self._logits(hidden_BQD).argmax(-1)
        self._cache.rewind(self._prefix)
        return written

    def _add_root(self, root_BPD: Tensor) -> None:
        """Compute a root behind the others, which it does not see."""
        start, length = self._cache.length, root_BPD.shape[1]
        mask = None  # plain causal attention has a faster kernel
        if start:
            is_causal = torch.ones(length, length, dtype=torch.bool, device=self._device).tril()
            mask = torch.cat([is_causal.new_zeros(length, start), is_causal], dim=1)[None, None]
        self._llm.model(
            inputs_embeds=root_BPD,
            position_ids=torch.arange(length, device=self._device)[None],
            attention_mask=mask,
            past_key_values=self._cache,
            use_cache=True,
        )

    def _grow_tree(self, tree: TokenTree) -> Tensor:
        """Return the last hidden states [B, N, D] of a tree's nodes."""
        roots_N = self._to_device(tree.roots)
        return self._grow(
            self._to_device(tree.tokens).expand(self._batch, -1),
            self._to_device(tree.depths) + self._lengths_R[roots_N],
            torch.cat([self._is_root_RP[roots_N], self._to_device(tree.is_visible)], dim=1),
        )

    def _grow(self, tokens_BN: Tensor, positions_N: Tensor, is_seen_NK: Tensor) -> Tensor:
        """Add N tokens to the cache, each of which sees those of the K tokens that its row says."""
        output = self._llm.model(
            input_ids=tokens_BN,
            position_ids=positions_N[None],
            attention_mask=is_seen_NK[None, None],
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
