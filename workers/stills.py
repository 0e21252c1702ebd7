"""Single frames of a video as pictures, for annotations that are about frames."""

import math
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from workers.decoder import Decoder, DecoderConfig


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
