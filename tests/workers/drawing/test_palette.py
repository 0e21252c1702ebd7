import itertools

from workers.drawing.palette import colour_of, ink_on


def test_neighbours_differ_and_none_is_pale_or_dark() -> None:
    colours = [colour_of(number) for number in range(64)]
    assert len(set(colours)) == 64
    for first, second in itertools.pairwise(colours):
        assert sum(abs(a - b) for a, b in zip(first, second, strict=True)) > 100
    for colour in colours:
        assert all(0 <= part <= 255 for part in colour)
        assert max(colour) - min(colour) > 60
        assert 60 < sum(colour) < 620


def test_ink_can_be_read() -> None:
    for colour in map(colour_of, range(64)):
        assert abs(sum(ink_on(colour)) - sum(colour)) > 190
