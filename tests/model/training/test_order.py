from collections import Counter

from model.training.order import BatchOrder

MODALITIES = ["image"] * 23 + ["video"] * 9 + [None] * 2
LENGTHS = [number * 7 % 31 for number in range(len(MODALITIES))]


def order(processes: int = 1, seed: int = 0) -> BatchOrder:
    return BatchOrder(MODALITIES, LENGTHS, 4, processes=processes, seed=seed)


def test_every_sample_comes_once_in_batches_of_one_modality() -> None:
    batches = list(order())
    assert Counter(index for batch in batches for index in batch) == Counter(range(len(MODALITIES)))
    assert all(len({MODALITIES[index] for index in batch}) == 1 for batch in batches)
    assert len(batches) == len(order()) == 6 + 3 + 1


def test_batches_are_of_similar_length() -> None:
    def spread(batches: list[list[int]]) -> float:
        return sum(
            max(LENGTHS[i] for i in batch) - min(LENGTHS[i] for i in batch) for batch in batches
        ) / len(batches)

    unsorted = [list(range(start, start + 4)) for start in range(0, 20, 4)]
    assert spread(list(order())) < spread(unsorted) / 2


def test_seed_and_epoch_decide_the_order() -> None:
    assert list(order()) == list(order())
    assert list(order(seed=1)) != list(order())
    later = order()
    later.set_epoch(1)
    assert list(later) != list(order())


def test_processes_take_batches_of_one_modality_at_the_same_time() -> None:
    batches = list(order(processes=2))
    pairs = list(zip(batches[::2], batches[1::2], strict=True))
    assert all(MODALITIES[one[0]] == MODALITIES[two[0]] for one, two in pairs[:-2])
