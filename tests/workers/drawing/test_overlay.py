from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.workers.readings import made_reading
from workers.drawing.overlay import Image, Overlay, annotated
from workers.drawing.palette import colour_of
from workers.drawing.trails import Shown
from workers.video.frames import Frame

BOX = (60.0, 70.0, 80.0, 90.0)


def grey(height_px: int = 240, width_px: int = 320) -> Image:
    return np.full((height_px, width_px, 3), 128, np.uint8)


def measured(track_index: int = 0) -> Shown:
    return Shown(track_index, BOX, made_reading([{0: BOX}], frames=1).boxes[0], 0.9)


def share_on(image: Image, colour: tuple[int, int, int]) -> float:
    """Return how much of the box's right edge has a colour."""
    edge = image[75:155, 140].astype(int)
    return float((np.abs(edge - np.array(colour)).max(axis=1) < 20).mean())


def test_a_measured_box_is_drawn_through_and_has_landmarks() -> None:
    image = grey()
    drawn = annotated(image, [measured(2)], "frame 1", is_cut=False)
    assert (image == 128).all()
    assert share_on(drawn, colour_of(2)) == 1.0
    assert drawn[115, 100].tolist() == pytest.approx([255, 255, 255], abs=40)  # all 68 are in the middle


def test_a_box_that_was_not_measured_is_dashed_and_has_none() -> None:
    drawn = annotated(grey(), [Shown(2, BOX, None, 0.9)], "frame 1", is_cut=False)
    assert 0.4 < share_on(drawn, colour_of(2)) < 0.8
    assert drawn[115, 100].tolist() == [128, 128, 128]


def test_a_cut_is_announced() -> None:
    plain, cut = (annotated(grey(), [], "frame 1", is_cut=is_cut) for is_cut in (False, True))
    changed = np.nonzero((plain != cut).any(axis=(1, 2)))[0]
    assert len(changed)
    assert changed.min() > 200


@pytest.mark.parametrize(
    "box", [(-50.0, -50.0, 80.0, 80.0), (310.0, 230.0, 60.0, 60.0), (-90.0, 900.0, 5.0, 5.0)]
)
def test_what_reaches_beyond_the_picture_is_cut_off(box: tuple[float, float, float, float]) -> None:
    face = made_reading([{0: box}], frames=1).boxes[0]
    assert annotated(grey(), [Shown(0, box, face, 0.9)], "c", is_cut=True).shape == (240, 320, 3)


def test_the_smallest_picture_can_be_drawn_on() -> None:
    assert annotated(grey(2, 2), [measured()], "frame 1   0.000 s", is_cut=True).shape == (2, 2, 3)


PTS = [500, 540, 545, 900, 2500]


@pytest.mark.parametrize("name", ["v.mp4", "v.mov", "v.mkv", "V.MP4", "a: b%03d.mp4"])
@pytest.mark.parametrize("size_px", [(320, 240), (321, 241)])
def test_timestamps_and_pictures_come_back(name: str, size_px: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / name
    with Overlay(path, size_px, Fraction(1, 1000), fps=25.0, end_pts=2600) as overlay:
        for number, pts in enumerate(PTS):
            image = np.full((size_px[1], size_px[0], 3), 40 * number, np.uint8)
            overlay.add(Frame(number, pts, pts / 1000, image), [], "", is_cut=False)
    with av.open(f"file:{path}") as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    with av.open(f"file:{path}") as container:
        stream = container.streams.video[0]
        frames = list(container.decode(video=0))
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height) == tuple(side + side % 2 for side in size_px)
        last = packets[-1]
        assert (last.duration or 0) * (last.time_base or 0) == pytest.approx(0.1)
    assert [frame.time for frame in frames] == pytest.approx([pts / 1000 for pts in PTS])
    shades = [frame.to_ndarray(format="rgb24")[10, 10].mean() for frame in frames]
    assert shades == pytest.approx([0, 40, 80, 120, 160], abs=4)


@pytest.mark.parametrize(
    "time_base", [Fraction(1, 25), Fraction(1001, 30_000), Fraction(1, 90_000), Fraction(1, 1_000_000)]
)
def test_any_time_base_is_kept(time_base: Fraction, tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    pts = [round(number / 30 / time_base) for number in range(0, 30, 3)]
    with Overlay(path, (64, 64), time_base, fps=None, end_pts=round(1 / time_base)) as overlay:
        for number, at in enumerate(pts):
            overlay.add(Frame(number, at, float(at * time_base), grey(64, 64)), [], "", is_cut=False)
    with av.open(str(path)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx([float(at * time_base) for at in pts], abs=1e-6)
