"""From packets to places in the video: by timestamps where every packet has one, else as they come out.

Both classes have one interface: `packets` passes packets on to the decoder and says of each whether its
picture is wanted, `place` tells where a decoded picture stands, `finish` closes the account.
"""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import TypeAlias

from av import VideoFrame, VideoStream
from av.packet import Packet

from workers.failure import SourceError
from workers.video.frames import DecoderConfig, Header
from workers.video.timeline import REORDER_FRAMES, Place, Sampler, Timeline

# Packet is generic for type checkers only.
VideoPacket: TypeAlias = "Packet[VideoStream]"
Numbered: TypeAlias = tuple[VideoPacket, Place | None]
"""A packet and the place of its frame; None for one whose picture has none."""


class ByTimestamp:
    """Numbers frames by their packets' timestamps (`timeline`), so that unwanted ones may be skipped.

    A packet's pts is replaced by its frame's number, which the decoder hands through to the picture: this
    holds whatever the decoder reorders, delays, skips or loses.

    Args:
        timeline: Decides numbers and sampling.
        max_bytes: Of packets read ahead.
        is_altref_hidden: True for VP8, which stores pictures that are never shown as packets of their own.
    """

    def __init__(self, timeline: Timeline, max_bytes: int, *, is_altref_hidden: bool) -> None:
        self.timeline = timeline
        self._max_bytes = max_bytes
        self._is_altref_hidden = is_altref_hidden
        self._queue: deque[tuple[VideoPacket, Place | None]] = deque()
        self._queue_bytes = 0
        self._in_decoder: dict[int, Place] = {}
        self.lost = 0
        """Wanted frames whose packets gave no picture."""

    @property
    def frames(self) -> int:
        """Frames numbered so far."""
        return self.timeline.frames

    @property
    def span_pts(self) -> tuple[int, int]:
        """Start of the first and end of the latest numbered frame."""
        return self.timeline.start_pts or 0, self.timeline.end_pts

    def packets(self, source: Iterator[VideoPacket]) -> Iterator[tuple[VideoPacket, bool]]:
        """Yield packets for the decoder in decoding order, each with whether its picture is wanted."""
        for packet, place in self.numbered(source):
            if place is not None:
                self.expect(place)
            yield packet, place is None or place.is_wanted

    def numbered(self, source: Iterator[VideoPacket]) -> Iterator[Numbered]:
        """Yield packets in decoding order, a read-ahead later, each with its place; none is expected."""
        for packet in source:
            self._queue.append((packet, self._placed(packet)))
            self._queue_bytes += packet.size
            if self._queue_bytes > self._max_bytes:
                raise SourceError(
                    "decode", f"{len(self._queue)} packets read ahead exceed decoder.max_memory_bytes"
                )
            yield from self._decided()
        self.timeline.finish()
        yield from self._decided()

    def expect(self, place: Place) -> None:
        """Say that the packet of this place is going to the decoder."""
        assert place.index is not None, "only packets whose number is certain are handed on"
        self._in_decoder[place.index] = place

    def place(self, picture: VideoFrame) -> Place | None:
        """Return where a picture stands; None for one that was seen, is not expected, or is never shown."""
        place = None if picture.pts is None else self._in_decoder.pop(picture.pts, None)
        if place is None or place.index is None:
            return None
        # Pictures come out in order: what stood before this one never comes.
        for index in [index for index in self._in_decoder if index < place.index]:
            self._settle(self._in_decoder.pop(index))
        return place

    def finish(self) -> None:
        """Settle what the decoder never gave."""
        for place in self._in_decoder.values():
            self._settle(place)
        self._in_decoder.clear()

    def _placed(self, packet: VideoPacket) -> Place | None:
        if packet.pts is None or packet.is_discard or (self._is_altref_hidden and _is_hidden_vp8(packet)):
            return None
        return self.timeline.place(
            packet.pts, packet.dts, packet.duration or 0, is_keyframe=packet.is_keyframe
        )

    def _decided(self) -> Iterator[Numbered]:
        while self._queue:
            packet, place = self._queue[0]
            if place is not None and place.index is None:
                return
            self._queue.popleft()
            self._queue_bytes -= packet.size
            packet.pts = packet.dts = None
            if place is not None and place.index is not None:
                packet.pts = place.index
            yield packet, place

    def _settle(self, place: Place) -> None:
        self.lost += place.is_wanted


class AsDecoded:
    """Numbers pictures as they come out of the decoder; nothing can be skipped.

    For streams whose packets do not all have a pts (raw H.264, program streams) or hold single fields. A
    damaged packet shifts the numbers after it. A missing pts is the one before plus a frame's duration.

    Args:
        sampler: Asked once per picture.
        frame_pts: Duration of a frame, where the picture does not say.
    """

    def __init__(self, sampler: Sampler, frame_pts: int) -> None:
        self._sampler = sampler
        self._frame_pts = frame_pts
        self._start_pts = 0
        self._last: Place | None = None
        self.frames = 0
        """Pictures that came out."""
        self.lost = 0
        """Always 0: which packet gives which picture is not known here."""

    @property
    def span_pts(self) -> tuple[int, int]:
        """Start of the first and end of the latest picture."""
        return self._start_pts, self._last.pts + self._last.duration if self._last else 0

    def packets(self, source: Iterator[VideoPacket]) -> Iterator[tuple[VideoPacket, bool]]:
        """Yield packets as they are; every picture is wanted."""
        for packet in source:
            yield packet, True

    def place(self, picture: VideoFrame) -> Place:
        """Return where a picture stands."""
        duration = picture.duration or self._frame_pts
        if self._last is None:
            pts = self._start_pts = picture.pts or 0
        else:
            follows = self._last.pts + self._last.duration
            pts = picture.pts if picture.pts is not None and picture.pts > self._last.pts else follows
        self._last = Place(pts, duration, self.frames, self._sampler.picks(pts))
        self.frames += 1
        return self._last

    def finish(self) -> None:
        """Nothing is left open."""


def by_timestamp(header: Header, config: DecoderConfig, sampler: Sampler) -> ByTimestamp:
    """Return the numbering of a stream whose packets have timestamps."""
    timeline = Timeline(header.time_base, sampler)
    return ByTimestamp(timeline, config.max_memory_bytes, is_altref_hidden=header.codec == "vp8")


def read_ahead(packets: Iterator[VideoPacket]) -> tuple[list[VideoPacket], bool]:
    """Return the first packets of a stream, and whether each has a pts."""
    first: list[VideoPacket] = []
    for packet in packets:
        first.append(packet)
        if len(first) > REORDER_FRAMES:
            break
    return first, all(packet.pts is not None for packet in first)


def frame_duration_pts(stream: VideoStream, time_base: Fraction) -> int:
    """Return a frame's duration by the rate that the header states, or of 25 frames a second."""
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    return max(1, round(1 / (rate * time_base)))


def _is_hidden_vp8(packet: VideoPacket) -> bool:
    # RFC 6386 9.1: bit 4 of the frame tag is show_frame.
    return packet.size > 0 and not (bytes(packet)[0] >> 4) & 1
