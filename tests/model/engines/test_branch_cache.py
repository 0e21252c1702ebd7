import torch

from model.engines.branch_cache import BranchCache


def tokens(*values: float) -> torch.Tensor:
    return torch.tensor(values).reshape(1, 1, -1, 1)


def test_branches_come_and_go_without_a_copy() -> None:
    cache = BranchCache(layers=2, capacity=4)
    keys, _ = cache.update(tokens(1, 2), tokens(1, 2), 0)
    cache.update(tokens(1, 2), tokens(1, 2), 1)
    assert cache.length == 2
    branched, values = cache.update(tokens(3, 4), tokens(30, 40), 0)
    cache.update(tokens(3, 4), tokens(30, 40), 1)
    assert branched.flatten().tolist() == [1, 2, 3, 4]
    assert values.flatten().tolist() == [1, 2, 30, 40]
    assert branched.data_ptr() == keys.data_ptr()
    cache.rewind(2)
    assert cache.length == cache.get_seq_length(1) == 2
    other, _ = cache.update(tokens(5), tokens(50), 0)
    assert other.flatten().tolist() == [1, 2, 5]
    assert other.data_ptr() == keys.data_ptr()
