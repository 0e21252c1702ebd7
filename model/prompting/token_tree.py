"""Many token sequences that begin alike, as one tree to be computed in one forward pass.

A tree grows on roots: computed prefixes, one per view. N nodes in an order in which parents precede children.
A node attends to its root, its ancestors and itself; its position is its depth behind the root.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class TokenTree:
    """A trie of tokens.

    Attributes:
        tokens: [N] int64.
        roots: [N] int64, the number of the root that the node grows on.
        depths: [N] int64, 0 for a sequence's first token.
        is_visible: [N, N] bool; row i is true at i and its ancestors.
    """

    tokens: NDArray[np.int64]
    roots: NDArray[np.int64]
    depths: NDArray[np.int64]
    is_visible: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return N."""
        return len(self.tokens)


@dataclass(frozen=True, slots=True)
class Scored:
    """A sequence whose tail is scored given its head.

    Attributes:
        root: number of the root that it grows on.
        head: tokens that are given; at least one.
        tail: tokens whose likelihood is asked for; at least one.
    """

    root: int
    head: tuple[int, ...]
    tail: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ScoringTree:
    """Scored sequences as one tree, and where their tails' likelihoods are read.

    The last token of a sequence is only predicted: no node, unless another sequence goes on behind it.

    Attributes:
        tree: the nodes to compute.
        nodes: [U] int64, those whose predictions are read.
        pairs: [K, 2] int64: (position in `nodes`, predicted token).
        terms: per sequence the rows of `pairs` whose logarithms add up to its own.
    """

    tree: TokenTree
    nodes: NDArray[np.int64]
    pairs: NDArray[np.int64]
    terms: tuple[tuple[int, ...], ...]

    def log_probs(self, pair_log_probs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-likelihood of each tail, [sequences], from that of each pair, [K]."""
        return np.array([pair_log_probs[list(rows)].sum() for rows in self.terms])


def build_tree(
    sequences: Iterable[tuple[int, Sequence[int]]],
) -> tuple[TokenTree, tuple[tuple[int, ...], ...]]:
    """Return the tree of (root, tokens) sequences and, per sequence, its nodes from first to last token."""
    children: dict[tuple[int, int], int] = {}
    parents: list[int] = []
    roots: list[int] = []
    tokens: list[int] = []
    paths: list[tuple[int, ...]] = []
    for root, sequence in sequences:
        path: list[int] = []
        for token in sequence:
            key = (path[-1] if path else -1 - root, token)
            if key not in children:
                children[key] = len(tokens)
                parents.append(key[0])
                roots.append(root)
                tokens.append(token)
            path.append(children[key])
        paths.append(tuple(path))
    is_visible = np.eye(len(tokens), dtype=np.bool_)
    depths = np.zeros(len(tokens), np.int64)
    for node, parent in enumerate(parents):
        if parent >= 0:
            is_visible[node] |= is_visible[parent]
            depths[node] = depths[parent] + 1
    return TokenTree(np.array(tokens, np.int64), np.array(roots, np.int64), depths, is_visible), tuple(paths)


def build_scoring_tree(sequences: Sequence[Scored]) -> ScoringTree:
    """Return the tree that scores the sequences, sharing every common beginning."""
    tree, paths = build_tree((scored.root, scored.head + scored.tail[:-1]) for scored in sequences)
    nodes: dict[int, int] = {}
    pairs: dict[tuple[int, int], int] = {}
    terms: list[tuple[int, ...]] = []
    for scored, path in zip(sequences, paths, strict=True):
        predicting = path[len(scored.head) - 1 :]
        keys = [
            (nodes.setdefault(node, len(nodes)), token)
            for node, token in zip(predicting, scored.tail, strict=True)
        ]
        terms.append(tuple(pairs.setdefault(key, len(pairs)) for key in keys))
    return ScoringTree(
        tree, np.array(list(nodes), np.int64), np.array(list(pairs), np.int64).reshape(-1, 2), tuple(terms)
    )
