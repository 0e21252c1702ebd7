from workers.fleet.actors import Look
from workers.fleet.attempt import Division
from workers.video.spans import Spans


def division(duration_s: float | None = 60.0) -> Division:
    return Division(Spans(10.0, duration_s, (1, 1), 0, "grey"))


def stretch(last_index: int | None = None, *, is_end: bool = False, is_video_end: bool = False) -> Look:
    return Look(100, last_index, is_end, is_video_end)


def test_spans_are_handed_out_in_order_and_taken_in_order() -> None:
    divided = division()
    assert [divided.hand_out(None) for _ in range(3)] == [0, 1, 2]
    divided.add(1, "b", stretch(9, is_end=True))
    divided.add(0, "a1", stretch(3))
    assert divided.waiting_bytes == 200
    assert [divided.take(), divided.take()] == ["a1", None]
    divided.add(0, "a2", stretch(4, is_end=True))
    assert [divided.take(), divided.take(), divided.take()] == ["a2", "b", None]
    assert (divided.turn, divided.waiting_bytes, divided.is_complete) == (2, 0, False)


def test_the_last_span_is_the_first_that_meets_the_end() -> None:
    divided = division(duration_s=None)
    for number in (0, 1, 2, 3):
        assert divided.hand_out(None) == number
    divided.add(3, "beyond", stretch(is_end=True, is_video_end=True))
    divided.add(2, "last", stretch(5, is_end=True, is_video_end=True))
    assert divided.hand_out(None) is None
    for number in (0, 1):
        divided.add(number, str(number), stretch(number, is_end=True))
    taken = [divided.take() for _ in range(4)]
    assert taken == ["0", "1", "last", None]
    assert divided.is_complete


def test_a_span_whose_reader_died_goes_first_and_from_where_it_was_left() -> None:
    divided = division()
    numbers = [divided.hand_out(None) for _ in range(4)]
    assert numbers == [0, 1, 2, 3]
    divided.add(1, "a", stretch(7))
    assert (divided.lose(2, "reader"), divided.lose(1, "reader"), divided.has_lost) == (1, 1, True)
    assert [divided.hand_out(None), divided.hand_out(None), divided.hand_out(None)] == [1, 2, 4]
    assert (divided.last_index(1), divided.last_index(2)) == (7, None)
    assert divided.lose(1, "reader") == 2


def test_the_video_with_the_most_left_is_known() -> None:
    short, long = division(60.0), division(600.0)
    assert short.spans_left == 6
    for _ in range(10):
        short.hand_out(None)
    assert short.spans_left == 0 < long.spans_left
    assert division(None).spans_left == 0


def test_a_helper_does_not_get_back_what_it_has_lost() -> None:
    divided = division()
    assert [divided.hand_out("one"), divided.hand_out("two")] == [0, 1]
    assert divided.lose(0, "one") == 1
    assert divided.hand_out("one") == 2
    assert divided.hand_out("two") == 0
    assert divided.lose(0, "two") == 2
    assert divided.hand_out("two") == 3
    assert divided.hand_out(None) == 0


def test_a_span_that_is_given_back_is_nobodys_fault() -> None:
    divided = division()
    assert divided.hand_out("one") == 0
    divided.give_back(0)
    assert divided.hand_out("one") == 0
    assert divided.lose(0, "one") == 1
