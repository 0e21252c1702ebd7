"""The account of a decoded video: what came of its packets, and the facts that follow."""

from collections.abc import Iterator
from dataclasses import dataclass

import av

from workers.video.frames import Facts, Header
from workers.video.timeline import Place


@dataclass(slots=True)
class Account:
    """Kept while a video is decoded.

    Attributes:
        sampled: frames handed on.
        errors: packets that the decoder refused.
        concealed: pictures that it filled in where they are damaged, and flagged so.
        last: the latest frame that was decoded.
        stopped: why the rest was left unread.
        remark: what else is to be said.
        pixel_format: of the first frame handed on.
    """

    pixel_format: str
    sampled: int = 0
    errors: int = 0
    concealed: int = 0
    last: Place | None = None
    stopped: str | None = None
    remark: str | None = None


def facts_of(
    header: Header,
    account: Account,
    *,
    size_px: tuple[int, int],
    rotation_deg: int,
    frames: int,
    damaged: int,
    span_pts: tuple[int, int],
    unnumbered: int = 0,
) -> Facts:
    """Return what is known of a video that was decoded.

    Args:
        header: what the container says.
        account: what was decoded.
        size_px: width and height of every picture.
        rotation_deg: clockwise turn of the latest picture.
        frames: that have a number, whether they were decoded or not.
        damaged: packets that gave nothing.
        span_pts: start of the first and end of the last frame.
        unnumbered: damaged packets that are not among the frames.
    """
    start_pts, end_pts = span_pts
    if account.stopped is not None and account.last is not None and account.last.index is not None:
        frames = account.last.index + 1
        end_pts = account.last.pts + account.last.duration
    packets = frames + unnumbered
    reasons = [*_damage(account, damaged, packets)]
    reasons += [account.stopped] if account.stopped else _end(header, start_pts, end_pts)
    reason = "; ".join(reasons) or None
    return Facts(
        container=header.container,
        codec=header.codec,
        pixel_format=account.pixel_format,
        width_px=size_px[0],
        height_px=size_px[1],
        fps=header.fps,
        duration_s=float((end_pts - start_pts) * header.time_base),
        rotation_deg=rotation_deg,
        sample_aspect_ratio=header.sample_aspect_ratio_text,
        time_base=header.time_base_text,
        start_pts=start_pts,
        decoder=f"pyav {av.__version__}",
        frames_decoded=max(account.sampled, packets - damaged),
        frames_sampled=account.sampled,
        packets_damaged=damaged,
        is_partial=reason is not None,
        partial_reason=reason,
    )


def _damage(account: Account, damaged: int, packets: int) -> Iterator[str]:
    if damaged:
        yield f"{damaged} of {packets} packets are damaged"
    if account.concealed:
        pictures = "1 picture is" if account.concealed == 1 else f"{account.concealed} pictures are"
        yield f"{pictures} damaged and filled in by the decoder"
    if account.remark:
        yield account.remark


def _end(header: Header, start_pts: int, end_pts: int) -> Iterator[str]:
    stated_s, time_base = header.duration_s, header.time_base
    # Containers state either the length or the end; the last frame's duration is often unknown.
    end_s = float(max(end_pts, end_pts - start_pts) * time_base)
    frame_s = 1 / header.fps if header.fps else 0.0
    if stated_s is not None and end_s + frame_s + 0.5 < stated_s:
        yield f"the file ends at {end_s:.3f} s of the {stated_s:.3f} s that its header states"
