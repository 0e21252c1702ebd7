"""From packets to places in the video: by timestamps where they tell the order, else as they come out.

Both classes have one interface: `packets` passes packets on to the decoder and says of each whether its
picture is wanted, `placed` tells where decoded pictures stand, `finish` closes the account.
"""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from heapq import heappop, heappush
from itertools import chain
from typing import TypeAlias

from av import VideoFrame, VideoStream
from av.packet import Packet

from workers.failure import SourceError
from workers.video.frames import DecoderConfig, Header
from workers.video.timeline import JUMP_BACK_S, REORDER_FRAMES, Place, Sampler, Timeline

# Packet is generic for type checkers only.
VideoPacket: TypeAlias = "Packet[VideoStream]"
Numbered: TypeAlias = tuple[VideoPacket, Place | None]
"""A packet and the place of its frame; None for one whose picture has none."""
Placed: TypeAlias = tuple[Place, VideoFrame]


class ByTimestamp:
    """Numbers frames by their packets' timestamps (`timeline`), so that unwanted ones may be skipped.

    A packet's pts is replaced by its frame's number, which the decoder hands through to the picture: this
    holds whatever the decoder reorders, delays, skips or loses. Where timestamps are wrong, pictures come in
    another order than theirs: then the decoder is right, and they are dealt out in its order.

    Args:
        timeline: Decides numbers and sampling.
        max_bytes: Of packets read ahead.
        is_altref_hidden: True for VP8, which stores pictures that are never shown as packets of their own.
        most_held: How many pictures are held back, at most, for a wanted one that they have overtaken.
    """

    def __init__(
        self, timeline: Timeline, max_bytes: int, *, is_altref_hidden: bool, most_held: int = 0
    ) -> None:
        self.timeline = timeline
        self._max_bytes = max_bytes
        self._is_altref_hidden = is_altref_hidden
        self._most_held = most_held
        self._queue: deque[tuple[VideoPacket, Place | None]] = deque()
        self._queue_bytes = 0
        self._in_decoder: dict[int, Place] = {}
        self._pictures: deque[VideoFrame] = deque()
        self._places: list[tuple[int, Place]] = []
        """A heap of the places of the pictures that are held back."""
        self._last_index = -1
        self.is_disordered = False
        """Whether pictures came in another order than their timestamps': then none is skipped any more."""
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
            yield packet, place is None or self._is_awaited(place)

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

    def placed(self, picture: VideoFrame) -> Iterator[Placed]:
        """Take the next picture and yield those whose places are certain, in order.

        None for a picture that was seen, is not expected, or is never shown.
        """
        number = picture.pts
        place = None if number is None else self._in_decoder.pop(number, None)
        is_late = number is not None and number <= self._last_index
        self.is_disordered |= is_late
        if place is None or number is None:
            return
        if is_late:  # others have passed it, by more than is held back
            self._settle(place)
            return
        heappush(self._places, (number, place))
        self._pictures.append(picture)
        yield from self._released(self._most_held)

    def finish(self) -> list[Placed]:
        """Settle what the decoder never gave, and return what was held back."""
        last = list(self._released(0))
        for place in self._in_decoder.values():
            self._settle(place)
        self._in_decoder.clear()
        self._last_index = -1
        return last

    def _released(self, held: int) -> Iterator[Placed]:
        while self._pictures and (len(self._pictures) > held or not self._is_passed()):
            index, place = heappop(self._places)
            self._last_index = index
            # Pictures come out in order: what stood before this one never comes.
            for earlier in [earlier for earlier in self._in_decoder if earlier < index]:
                self._settle(self._in_decoder.pop(earlier))
            yield place, self._pictures.popleft()

    def _is_passed(self) -> bool:
        """Return whether the next picture to be released overtakes an awaited one, or what gives one."""
        index = self._places[0][0]
        coming = chain(self._in_decoder.values(), (place for _, place in self._queue if place is not None))
        return any(
            place.index is not None and place.index < index and self._is_awaited(place) for place in coming
        )

    def _is_awaited(self, place: Place) -> bool:
        return place.is_wanted or self.is_disordered

    def _placed(self, packet: VideoPacket) -> Place | None:
        if packet.pts is None or not is_shown(packet, is_altref_hidden=self._is_altref_hidden):
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

    For streams whose packets do not tell the order in which their pictures are shown (`survey`), or hold
    single fields. A damaged packet shifts the numbers after it. A missing timestamp is the one before plus a
    frame's duration, one that is not after the one before is a tick after it, and one that jumps back goes on
    where the one before ends.

    Args:
        sampler: Asked once per picture.
        frame_pts: Duration of a frame, where the picture does not say.
        jump_back_pts: By how much less a timestamp belongs to another recording.
        is_in_decoding_order: True where packets have the timestamps of all pictures, but not each its own
            picture's: then the next picture's is the earliest that is left.
    """

    def __init__(
        self, sampler: Sampler, frame_pts: int, jump_back_pts: Fraction | float, *, is_in_decoding_order: bool
    ) -> None:
        self._sampler = sampler
        self._frame_pts = frame_pts
        self._jump_back_pts = jump_back_pts
        self._left: list[int] | None = [] if is_in_decoding_order else None
        self._most_left = 0
        self._shift = 0
        self._stated_pts: int | None = None
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
            if self._left is not None and packet.pts is not None and not packet.is_discard:
                heappush(self._left, packet.pts)
            yield packet, True

    def placed(self, picture: VideoFrame) -> Iterator[Placed]:
        """Yield the next picture with its place."""
        pts = self._time(self._stated(picture))
        if self._last is None:
            self._start_pts = pts
        self._last = Place(pts, picture.duration or self._frame_pts, self.frames, self._sampler.picks(pts))
        self.frames += 1
        yield self._last, picture

    def finish(self) -> list[Placed]:
        """Nothing is left open."""
        return []

    def _stated(self, picture: VideoFrame) -> int | None:
        if self._left is None:
            return picture.pts
        if self.frames <= REORDER_FRAMES:  # by then the decoder holds as many packets as it ever does
            # More are left where the beginning gives no pictures.
            self._most_left = min(max(self._most_left, len(self._left)), REORDER_FRAMES + 1)
        while len(self._left) > self._most_left:
            heappop(self._left)  # there is one more for every packet that gave no picture
        return heappop(self._left) if self._left else None

    def _time(self, stated_pts: int | None) -> int:
        if self._last is None:
            self._stated_pts = stated_pts
            return stated_pts or 0
        follows = self._last.pts + self._last.duration
        if stated_pts is None:
            return follows
        pts = stated_pts + self._shift
        if self._stated_pts is not None and pts + self._jump_back_pts < self._stated_pts:
            self._shift += follows - pts
            pts = follows
        self._stated_pts = pts
        return max(pts, self._last.pts + 1)


def by_timestamp(
    header: Header, config: DecoderConfig, sampler: Sampler, *, most_held: int = 0
) -> ByTimestamp:
    """Return the numbering of a stream whose packets tell the order of their pictures."""
    timeline = Timeline(header.time_base, sampler)
    is_altref_hidden = header.codec == "vp8"
    return ByTimestamp(
        timeline, config.max_memory_bytes, is_altref_hidden=is_altref_hidden, most_held=most_held
    )


def as_decoded(
    stream: VideoStream, header: Header, sampler: Sampler, *, is_in_decoding_order: bool
) -> AsDecoded:
    """Return the numbering of a stream whose packets do not tell the order of their pictures."""
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    frame_pts = max(1, round(1 / (rate * header.time_base)))
    jump_back_pts = JUMP_BACK_S / header.time_base
    return AsDecoded(sampler, frame_pts, jump_back_pts, is_in_decoding_order=is_in_decoding_order)


def is_shown(packet: VideoPacket, *, is_altref_hidden: bool) -> bool:
    """Return whether a packet's picture is meant to be seen."""
    return not (packet.is_discard or (is_altref_hidden and _is_hidden_vp8(packet)))


def _is_hidden_vp8(packet: VideoPacket) -> bool:
    # RFC 6386 9.1: bit 4 of the frame tag is show_frame.
    return packet.size > 0 and not (bytes(packet)[0] >> 4) & 1
