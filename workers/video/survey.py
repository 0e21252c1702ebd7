"""What a stream's packets tell before any is decoded: do their timestamps tell the order of the pictures?

That depends on the file alone, and every packet can change it. So all are gone through, which takes little
against decoding them.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

from workers.video.demuxer import Demuxer
from workers.video.numbering import VideoPacket, is_shown
from workers.video.timeline import REORDER_FRAMES, Sampler, Timeline

_NEAR_S = 10
_TIMES_FARTHER = 64
"""Four times what the deepest reordering puts between a packet and those beside it."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found.

    Attributes:
        frames: packets whose pictures are meant to be seen.
        untimed: those of them without a timestamp, or with one that cannot be.
        repeats: timestamps that two frames have.
        depth: the most packets that are stored after one and shown before it.
        is_reordered: whether the decoder gives pictures in another order than that of the packets.
    """

    frames: int
    untimed: int
    repeats: int
    depth: int
    is_reordered: bool

    @property
    def tells_order(self) -> bool:
        """Whether the order of the timestamps is that in which the decoder gives the pictures."""
        is_plain = not self.depth and not self.is_reordered
        is_shuffled = 0 < self.depth <= REORDER_FRAMES and self.is_reordered and not self.repeats
        return not self.untimed and (is_plain or is_shuffled)

    @property
    def most_held(self) -> int:
        """How many pictures it can take to see which one comes first, where timestamps have lost the order.

        One can be ahead of its place by the depth, and another one behind by as much.
        """
        return min(2 * self.depth, REORDER_FRAMES)

    @property
    def is_in_decoding_order(self) -> bool:
        """Whether the timestamps grow from packet to packet, though the pictures are shown in another order.

        AVI, ASF and MXF know nothing better; other files so lost what they knew.
        """
        return not self.untimed and not self.depth and self.is_reordered


def survey_of(demuxer: Demuxer, max_frames: int) -> Survey:
    """Go through the packets of a file, of which no others are then left.

    Args:
        demuxer: just opened.
        max_frames: after which the rest does not matter.

    Raises:
        TransientError: the file cannot be read.
    """
    header = demuxer.header
    timeline = Timeline(header.time_base, Sampler(header.time_base, 1.0))
    frames = untimed = 0
    for packet in credible(demuxer.packets(), header.time_base):
        if not is_shown(packet, is_altref_hidden=header.codec == "vp8"):
            continue
        frames += 1
        if packet.pts is None:
            untimed += 1
        else:
            timeline.place(packet.pts, packet.dts, packet.duration or 0, is_keyframe=packet.is_keyframe)
        if frames > max_frames:
            break
    timeline.finish()
    return Survey(
        frames, untimed, timeline.repeats, timeline.depth, demuxer.stream.codec_context.has_b_frames
    )


def credible(packets: Iterator[VideoPacket], time_base: Fraction) -> Iterator[VideoPacket]:
    """Yield the packets without the timestamps that cannot be: far from both beside them, which are close.

    A bit that is wrong makes it hours. Before a pause of the film it is otherwise: most of the packets that
    follow are as late, or most of those before it as early.
    """
    near_pts = _NEAR_S / time_base
    before: int | None = None
    behind: deque[int] = deque(maxlen=REORDER_FRAMES)
    ahead = deque(islice(packets, REORDER_FRAMES + 1))
    while ahead:
        packet = ahead.popleft()
        ahead.extend(islice(packets, 1))
        pts, after = packet.pts, ahead[0].pts if ahead else None
        if before is not None and pts is not None and after is not None:
            farther = min(abs(pts - before), abs(pts - after)) - _TIMES_FARTHER * abs(after - before)
            if farther > near_pts:
                if pts > before:
                    alike = [other.pts >= pts - near_pts for other in ahead if other.pts is not None]
                else:
                    alike = [other <= pts + near_pts for other in behind]
                if 2 * sum(alike) < len(alike):
                    packet.pts = pts = None
        before = pts
        if pts is not None:
            behind.append(pts)
        yield packet
