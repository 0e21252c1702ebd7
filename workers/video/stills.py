"""Frames of a video as pictures, for annotations that are about frames; and pictures as a video."""

import math
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
from av import error as av_error
from PIL import Image

from workers.failure import SourceError, failure_of
from workers.video.decoder import Decoder, DecoderConfig

_LAST_NUMBER = re.compile(r"(\d+)\D*$", re.ASCII)


def write_stills(video: Path, stills: Mapping[int, Path]) -> set[int]:
    """Write frames of a video as PNG files, whole and unchanged; files that are there already stay.

    Args:
        video: what is decoded, from its beginning up to the last frame that is asked for.
        stills: where each frame goes, by its number in the order of presentation, from 0.

    Returns:
        The numbers of the frames that are there now; those of damaged frames, or behind the end, are not.

    Raises:
        WorkerError: it cannot be decoded.
    """
    found = {number for number, path in stills.items() if path.exists()}
    lacking = stills.keys() - found
    if not lacking:
        return found
    last = max(lacking)
    with Decoder(DecoderConfig(sample_fps=math.inf)).open(video) as frames:
        for frame in frames:
            if frame.index in lacking:
                path = stills[frame.index]
                path.parent.mkdir(parents=True, exist_ok=True)
                part = path.with_suffix(".part")
                Image.fromarray(frame.image).save(part, format="PNG", compress_level=1)
                part.rename(path)
                found.add(frame.index)
            if frame.index >= last:
                break
    return found


def write_film(folder: Path, film: Path, fps: float) -> None:
    """Write the pictures of a folder as a Matroska video, their JPEG data unchanged; one that is there stays.

    Args:
        folder: `*.jpg`, in the order of the last number in their names.
        film: where to.
        fps: pictures a second.

    Raises:
        WorkerError: there is no picture in the folder, or one that cannot be read.
    """
    if film.exists():
        return
    numbers = {path: _LAST_NUMBER.search(path.stem) for path in folder.glob("*.jpg")}
    numbered = sorted((int(number[1]), path) for path, number in numbers.items() if number)
    if not numbered:
        raise SourceError("decode", f"there is no numbered .jpg in {folder}")
    film.parent.mkdir(parents=True, exist_ok=True)
    part = film.with_suffix(".part")
    try:
        _write_jpegs([path for _, path in numbered], part, Fraction(fps))
    except (OSError, av_error.FFmpegError) as error:
        part.unlink(missing_ok=True)
        raise failure_of(error, "decode", str(folder)) from error
    part.rename(film)


def _write_jpegs(paths: Sequence[Path], film: Path, fps: Fraction) -> None:
    with Image.open(paths[0]) as first:
        width_px, height_px = first.size
    # Bit-exact: the same pictures are the same video, whenever they are written.
    with av.open(str(film), "w", format="matroska", options={"fflags": "bitexact"}) as container:
        stream = container.add_stream("mjpeg", rate=fps, width=width_px, height=height_px, pix_fmt="yuvj420p")
        for number, path in enumerate(paths):
            packet = av.Packet(path.read_bytes())
            packet.stream, packet.time_base = stream, 1 / fps
            packet.pts = packet.dts = number
            packet.is_keyframe = True
            container.mux(packet)
