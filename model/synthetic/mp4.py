"""Pictures to MP4 files: H.264 through PyAV, which is imported when the first file is written."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

from model.synthetic.canvas import Picture


def write_mp4(path: Path, pictures: Iterable[Picture], fps: int, crf: int = 23) -> None:
    """Write pictures [H, W, 3] uint8 RGB, all of one even size, as an MP4 file.

    The encoded bytes are not the same each time, though the pictures are: libx264 runs in several threads.
    """
    import av  # noqa: PLC0415 - model runs without PyAV where no film is written

    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream(
            "libx264", rate=Fraction(fps), options={"crf": str(crf), "preset": "veryfast"}
        )
        stream.pix_fmt = "yuv420p"
        for number, picture in enumerate(pictures):
            if number == 0:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
