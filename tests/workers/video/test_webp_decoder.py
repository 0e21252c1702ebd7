import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.workers.videos import number_of, numbered, truncate
from workers.failure import SourceError, UndecodableError
from workers.video.decoder import Decoder, DecoderConfig, Facts, Frame

EVERY = DecoderConfig(sample_fps=math.inf, is_decord_tried=False)
DURATIONS_MS = [100, 200, 0, 0, 40, 300, 80, 80]


def webp(path: Path) -> Path:
    first, *rest = (Image.fromarray(numbered(number)) for number in range(len(DURATIONS_MS)))
    first.save(path, save_all=True, append_images=rest, duration=DURATIONS_MS, lossless=True)
    return path


def read(path: Path, config: DecoderConfig = EVERY) -> tuple[list[Frame], Facts]:
    with Decoder(config).open(path) as video:
        assert video.spans is None
        return list(video), video.facts()


def test_every_frame_comes_at_its_time(tmp_path: Path) -> None:
    frames, facts = read(webp(tmp_path / "p.webp"))
    assert [(frame.index, number_of(frame.image)) for frame in frames] == [(n, n) for n in range(8)]
    assert [frame.pts for frame in frames] == [0, 100, 300, 301, 302, 340, 640, 720]
    assert np.array_equal(frames[3].image, numbered(3))
    assert (facts.codec, facts.duration_s, facts.frames_decoded, facts.is_partial) == ("webp", 0.8, 8, False)
    assert (facts.width_px, facts.height_px, facts.time_base) == (160, 96, "1/1000")
    assert facts.decoder.startswith("pillow ")
    sampled, facts = read(tmp_path / "p.webp", DecoderConfig(sample_fps=5.0))
    assert [number_of(frame.image) for frame in sampled] == [0, 2, 6]
    assert (facts.frames_decoded, facts.frames_sampled) == (8, 3)


def test_what_is_left_of_a_file_is_read_and_the_rest_counted(tmp_path: Path) -> None:
    path = webp(tmp_path / "p.webp")
    data = bytearray(path.read_bytes())
    sixth = [chunk.start() for chunk in re.finditer(b"ANMF", data)][5]
    data[sixth + 40 : sixth + 120] = b"\xff" * 80
    path.write_bytes(data)
    frames, facts = read(path)
    assert [number_of(frame.image) for frame in frames] == list(range(5))
    assert (facts.frames_decoded, facts.packets_damaged) == (5, 3)
    assert facts.partial_reason == "3 of 8 packets are damaged"


@pytest.mark.parametrize("size_bytes", [60, 400])
def test_what_is_broken_is_said(size_bytes: int, tmp_path: Path) -> None:
    truncate(path := webp(tmp_path / "p.webp"), size_bytes)
    with pytest.raises(UndecodableError, match=r"p\.webp: "):
        read(path)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (DecoderConfig(max_pixels=15_000), "frames of 160x96 exceed decoder.max_pixels=15000"),
        (DecoderConfig(max_memory_bytes=200_000), "over decoder.max_memory_bytes=200000"),
    ],
)
def test_what_is_too_large_is_refused(config: DecoderConfig, says: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=says):
        read(webp(tmp_path / "p.webp"), config)


@pytest.mark.parametrize(
    ("config", "count"), [(replace(EVERY, max_frames=3), 3), (replace(EVERY, max_seconds=1e-9), 1)]
)
def test_a_limit_ends_it(config: DecoderConfig, count: int, tmp_path: Path) -> None:
    frames, facts = read(webp(tmp_path / "p.webp"), config)
    assert (len(frames), facts.frames_decoded) == (count, count)
    assert "decoder.max_" in (facts.partial_reason or "")
