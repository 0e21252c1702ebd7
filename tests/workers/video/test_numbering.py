import math
from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import pytest
from av import VideoFrame
from av.packet import Packet

from workers.failure import SourceError
from workers.video.numbering import AsDecoded, ByTimestamp, VideoPacket, read_ahead
from workers.video.timeline import Sampler, Timeline

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


def numbering(sample_fps: float = math.inf, max_bytes: int = 10_000, is_vp8: bool = False) -> ByTimestamp:
    timeline = Timeline(MS, Sampler(MS, sample_fps))
    return ByTimestamp(timeline, max_bytes, is_altref_hidden=is_vp8)


def test_packets_carry_their_numbers_in_decoding_order() -> None:
    by_timestamp = numbering()
    sent = [packet.pts for packet, _ in by_timestamp.packets(packets([0, 120, 40, 80]))]
    assert sent == [0, 3, 1, 2]
    assert by_timestamp.frames == 4
    assert by_timestamp.span_pts == (0, 160)


def test_what_never_comes_out_is_lost_when_a_later_picture_does() -> None:
    by_timestamp = numbering()
    list(by_timestamp.packets(packets([0, 40, 80, 120])))
    places = [by_timestamp.place(picture(number)) for number in (0, 2)]
    assert [place.pts for place in places if place] == [0, 80]
    assert by_timestamp.lost == 1
    by_timestamp.finish()
    assert by_timestamp.lost == 2


def test_what_was_skipped_is_not_lost() -> None:
    by_timestamp = numbering(sample_fps=10.0)
    wanted = [is_wanted for _, is_wanted in by_timestamp.packets(packets([0, 40, 80, 120]))]
    assert wanted == [True, False, False, True]
    by_timestamp.place(picture(3))
    by_timestamp.finish()
    assert by_timestamp.lost == 1


def test_a_picture_comes_once() -> None:
    by_timestamp = numbering()
    list(by_timestamp.packets(packets([0, 40])))
    assert by_timestamp.place(picture(0)) is not None
    assert by_timestamp.place(picture(0)) is None
    assert by_timestamp.place(picture(None)) is None


def test_what_is_not_shown_has_no_number() -> None:
    hidden = packet_of(30, first_byte=0x00)
    shown = list(packets([0, 40]))
    by_timestamp = numbering(is_vp8=True)
    sent = [packet.pts for packet, _ in by_timestamp.packets(iter([shown[0], hidden, shown[1]]))]
    assert sent == [0, None, 1]


def test_read_ahead_is_bounded() -> None:
    with pytest.raises(SourceError, match="max_memory_bytes"):
        list(numbering(max_bytes=10_000).packets(packets([*range(0, 4000, 40)], size=1000)))


def test_as_decoded_derives_what_is_missing() -> None:
    as_decoded = AsDecoded(Sampler(MS, math.inf), 40)
    places = [as_decoded.place(picture(pts)) for pts in (None, None, 500, None, 100)]
    assert [place.pts for place in places] == [0, 40, 500, 540, 580]
    assert [place.index for place in places] == [0, 1, 2, 3, 4]
    assert as_decoded.span_pts == (0, 620)


def test_read_ahead_tells_whether_all_have_timestamps() -> None:
    first, is_timed = read_ahead(packets([0, 40, 80]))
    assert (len(first), is_timed) == (3, True)
    _, is_timed = read_ahead(packets([0, None, 80]))
    assert not is_timed
    source = packets([*range(100)])
    first, _ = read_ahead(source)
    assert next(source).pts == len(first)
