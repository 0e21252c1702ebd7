"""Keys and values of a prefix, with room behind it for branches that come and go.

Nothing is copied when a branch is added: the room is allocated once, and `rewind` forgets what is behind a
place.
"""

from typing import Any

from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin


class _Layer(CacheLayerMixin):
    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.capacity = capacity
        self.length = 0

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        batch, heads, _, size = key_states.shape
        self.keys = self._held_keys = key_states.new_empty((batch, heads, self.capacity, size))
        self.values = self._held_values = value_states.new_empty((batch, heads, self.capacity, size))
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        end = self.length + key_states.shape[-2]
        self._held_keys[:, :, self.length : end] = key_states
        self._held_values[:, :, self.length : end] = value_states
        self.length = end
        return self._held_keys[:, :, :end], self._held_values[:, :, :end]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.length + query_length, 0

    def get_seq_length(self) -> int:
        return self.length

    def get_max_length(self) -> int:
        return self.capacity


class BranchCache(Cache):
    """A key-value cache of fixed capacity for one batch, tokens.

    Args:
        layers: decoder layers.
        capacity: tokens of the prefix and of all branches that exist at one time.
    """

    def __init__(self, layers: int, capacity: int) -> None:
        self._branches = [_Layer(capacity) for _ in range(layers)]
        super().__init__(layers=list(self._branches))

    @property
    def length(self) -> int:
        """Tokens held."""
        return self._branches[0].length

    def rewind(self, length: int) -> None:
        """Forget everything behind the first `length` tokens."""
        for layer in self._branches:
            layer.length = length
