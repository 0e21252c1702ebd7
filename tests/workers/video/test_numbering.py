import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import cast

import pytest
from av import VideoFrame
from av.packet import Packet

from workers.failure import SourceError
from workers.video.numbering import AsDecoded, ByTimestamp, VideoPacket
from workers.video.timeline import Place, Sampler, Timeline

MS = Fraction(1, 1000)


def packets(timestamps: list[int | None], size: int = 10) -> Iterator[VideoPacket]:
    for pts in timestamps:
        yield packet_of(pts, size)


def packet_of(pts: int | None, size: int = 10, first_byte: int = 0x10) -> VideoPacket:
    packet = Packet(bytes([first_byte]) * size)
    packet.pts = pts
    packet.duration = 40
    return cast("VideoPacket", packet)


def picture(pts: int | None) -> VideoFrame:
    frame = VideoFrame(16, 16, "yuv420p")
    frame.pts = pts
    return frame


def numbering(
    sample_fps: float = math.inf, max_bytes: int = 10_000, is_vp8: bool = False, most_held: int = 0
) -> ByTimestamp:
    timeline = Timeline(MS, Sampler(MS, sample_fps))
    return ByTimestamp(timeline, max_bytes, is_altref_hidden=is_vp8, most_held=most_held)


def places(by_timestamp: ByTimestamp | AsDecoded, numbers: Iterable[int | None]) -> list[Place]:
    pictures = [picture(number) for number in numbers]
    return [place for each in pictures for place, _ in by_timestamp.placed(each)]


def test_packets_carry_their_numbers_in_decoding_order() -> None:
    by_timestamp = numbering()
    sent = [packet.pts for packet, _ in by_timestamp.packets(packets([0, 120, 40, 80]))]
    assert sent == [0, 3, 1, 2]
    assert by_timestamp.frames == 4
    assert by_timestamp.span_pts == (0, 160)


def test_what_never_comes_out_is_lost_when_a_later_picture_does() -> None:
    by_timestamp = numbering()
    list(by_timestamp.packets(packets([0, 40, 80, 120])))
    assert [place.pts for place in places(by_timestamp, (0, 2))] == [0, 80]
    assert by_timestamp.lost == 1
    by_timestamp.finish()
    assert by_timestamp.lost == 2


def test_what_was_skipped_is_not_lost() -> None:
    by_timestamp = numbering(sample_fps=10.0)
    wanted = [is_wanted for _, is_wanted in by_timestamp.packets(packets([0, 40, 80, 120]))]
    assert wanted == [True, False, False, True]
    places(by_timestamp, [3])
    by_timestamp.finish()
    assert by_timestamp.lost == 1


@pytest.mark.parametrize("come", [(0, 2, 3, 1, 4, 5), (0, 3, 2, 1, 4, 5)])
def test_timestamps_are_dealt_out_in_the_order_in_which_pictures_come(come: tuple[int, ...]) -> None:
    by_timestamp = numbering(most_held=2)
    list(by_timestamp.packets(packets([0, 40, 80, 120, 160, 200])))
    found = [pair for number in come for pair in by_timestamp.placed(picture(number))]
    found += by_timestamp.finish()
    assert [(place.index, place.pts) for place, _ in found] == [(n, 40 * n) for n in range(6)]
    assert [shown.pts for _, shown in found] == list(come)
    assert by_timestamp.lost == 0


def test_what_was_lost_holds_others_back_for_a_while_only() -> None:
    by_timestamp = numbering(most_held=2)
    list(by_timestamp.packets(packets([0, 40, 80, 120, 160, 200])))
    assert [len(places(by_timestamp, [number])) for number in (0, 2, 3, 4, 5)] == [1, 0, 0, 3, 1]
    assert by_timestamp.lost == 1
    assert places(by_timestamp, [1]) == []


def test_what_is_not_sampled_holds_nothing_back() -> None:
    by_timestamp = numbering(sample_fps=10.0, most_held=2)
    list(by_timestamp.packets(packets([0, 40, 80, 120, 160, 200])))
    assert [place.index for place in places(by_timestamp, (0, 3, 5))] == [0, 3, 5]


def test_once_pictures_are_out_of_order_none_is_skipped() -> None:
    by_timestamp = numbering(sample_fps=10.0, most_held=2)
    wanted: list[bool] = []
    for number, (_, is_wanted) in enumerate(by_timestamp.packets(packets([*range(0, 240, 40)]))):
        wanted.append(is_wanted)
        if number == 3:
            assert [place.index for place in places(by_timestamp, (0, 2, 1))] == [0, 2]
    assert wanted == [True, False, False, True, True, True]


def test_a_picture_comes_once() -> None:
    by_timestamp = numbering()
    list(by_timestamp.packets(packets([0, 40])))
    assert len(places(by_timestamp, [0])) == 1
    assert places(by_timestamp, [0, None]) == []


def test_what_is_not_shown_has_no_number() -> None:
    hidden = packet_of(30, first_byte=0x00)
    shown = list(packets([0, 40]))
    by_timestamp = numbering(is_vp8=True)
    sent = [packet.pts for packet, _ in by_timestamp.packets(iter([shown[0], hidden, shown[1]]))]
    assert sent == [0, None, 1]


def test_read_ahead_is_bounded() -> None:
    with pytest.raises(SourceError, match="max_memory_bytes"):
        list(numbering(max_bytes=10_000).packets(packets([*range(0, 4000, 40)], size=1000)))


def as_decoded(*, is_in_decoding_order: bool = False) -> AsDecoded:
    return AsDecoded(Sampler(MS, math.inf), 40, 500, is_in_decoding_order=is_in_decoding_order)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ((None, None, 500, None, 580), [0, 40, 500, 540, 580]),
        ((0, None, None, 60, 100), [0, 40, 80, 81, 100]),  # what was guessed is corrected
        ((0, 40, 40, 80), [0, 40, 41, 80]),
        ((0, 120, 80, 160), [0, 120, 121, 160]),
        ((900, 940, 0, 50, None), [900, 940, 980, 1030, 1070]),  # another recording
    ],
)
def test_as_decoded_time_grows(stated: tuple[int | None, ...], expected: list[int]) -> None:
    numbering = as_decoded()
    found = places(numbering, stated)
    assert [place.pts for place in found] == expected
    assert [place.index for place in found] == [0, 1, 2, 3, 4][: len(stated)]
    assert numbering.span_pts == (expected[0], expected[-1] + 40)


@pytest.mark.parametrize("lost", [None, 30])
def test_timestamps_in_decoding_order_go_to_the_pictures_in_theirs(lost: int | None) -> None:
    """Each picture comes two packets later; one packet may give none."""
    numbering = as_decoded(is_in_decoding_order=True)
    found: list[Place] = []
    for number, (packet, _) in enumerate(numbering.packets(packets([40 * n for n in range(60)]))):
        if number >= 2 and number != lost:
            found += places(numbering, [packet.pts])
    assert [place.index for place in found] == list(range(58 if lost is None else 57))
    expected = [40 * n for n in range(58)]
    if lost is not None:
        expected.remove(40 * (lost - 2))
    assert [place.pts for place in found] == expected
