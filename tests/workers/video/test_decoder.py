import hashlib
import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.workers.videos import encode_numbers, number_of, overwrite, packets_of
from workers.clock import Stopwatch
from workers.failure import SourceError, TransientError, UndecodableError
from workers.video import decoder as decoder_module
from workers.video.decoder import Decoder, DecoderConfig, Facts, Frame
from workers.video.pyav_decoder import PyavVideo

DECORD = DecoderConfig(backend="decord", sample_fps=math.inf)


def read(path: Path, config: DecoderConfig) -> tuple[list[Frame], Facts]:
    with Decoder(config).open(path) as video:
        return list(video), video.facts()


def digest(path: Path, config: DecoderConfig) -> str:
    frames, facts = read(path, config)
    content = hashlib.sha256(repr(facts).encode())
    for frame in frames:
        content.update(repr((frame.index, frame.pts, frame.pts_s)).encode())
        content.update(frame.image.tobytes())
    return content.hexdigest()


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_a_damaged_file_gives_the_same_bits_again(threads: int, tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 72)
    for packet in packets_of(path)[20:50:5]:
        overwrite(path, (packet.pos or 0) + packet.size // 2, packet.size // 3)
    config = DecoderConfig(threads=threads, is_decord_tried=False)
    assert len({digest(path, config) for _ in range(4)}) == 1


def test_an_intact_file_gives_the_same_bits_with_any_threads(tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 72)
    assert len({digest(path, DecoderConfig(threads=threads)) for threads in (1, 2, 5)}) == 1


@pytest.mark.parametrize(
    ("name", "options"),
    [("v.mp4", {}), ("v.mkv", {"pts": [*range(40), *range(60, 80)]}), ("v.avi", {"codec": "mpeg4"})],
)
def test_decord_gives_the_same_frames(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / name, 60, **options)
    for sample_fps in (math.inf, 7.0):
        ours, facts = read(path, DecoderConfig(sample_fps=sample_fps))
        theirs, their_facts = read(path, DecoderConfig(backend="decord", sample_fps=sample_fps))
        assert [(frame.index, frame.pts) for frame in theirs] == [(frame.index, frame.pts) for frame in ours]
        assert [number_of(frame.image) for frame in theirs] == [frame.index for frame in ours]
        assert (their_facts.codec, their_facts.width_px) == (facts.codec, facts.width_px)
        assert their_facts.decoder.startswith("decord 0.6.0")
        assert their_facts.duration_s == pytest.approx(facts.duration_s, abs=0.05)


def test_decord_obeys_the_limits(tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 60)
    frames, facts = read(path, DecoderConfig(backend="decord", sample_fps=math.inf, max_frames=20))
    assert (len(frames), facts.is_partial) == (20, True)
    with pytest.raises(SourceError, match="max_pixels"):
        Decoder(DecoderConfig(backend="decord", max_pixels=100)).open(path)


def test_decord_tells_how_far_it_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 60)
    ticks = itertools.count()
    monkeypatch.setattr("workers.clock.time.monotonic", lambda: next(ticks))
    config = DecoderConfig(backend="decord", sample_fps=math.inf, max_seconds=30)
    frames, facts = read(path, config)
    assert 8 <= len(frames) < 60
    assert (facts.frames_decoded, facts.is_partial) == (len(frames), True)
    assert facts.duration_s == pytest.approx(len(frames) / 25)
    assert "max_seconds=30" in (facts.partial_reason or "")


def test_no_second_decoder_is_asked_when_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 60)

    class Late(Stopwatch):
        @property
        def seconds(self) -> float:
            return 1000.0

    monkeypatch.setattr("workers.video.pyav_decoder.Stopwatch", Late)
    with pytest.raises(SourceError, match="not read further after") as raised:
        Decoder(DecoderConfig(max_seconds=100)).open(path)
    assert not isinstance(raised.value, UndecodableError)


def test_decord_is_asked_where_pyav_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 10)

    def refuse(*_: Any, **__: Any) -> PyavVideo:
        raise UndecodableError("decode", "PyAV says no")

    monkeypatch.setattr(decoder_module, "PyavVideo", refuse)

    def no_spec(_: str) -> None:
        return None

    frames, facts = read(path, DecoderConfig(sample_fps=math.inf))
    assert len(frames) == 10
    assert facts.decoder.startswith("decord")
    with pytest.raises(UndecodableError, match="PyAV says no"):
        read(path, DecoderConfig(is_decord_tried=False))
    monkeypatch.setattr(decoder_module.importlib.util, "find_spec", no_spec)
    with pytest.raises(UndecodableError, match="PyAV says no"):
        read(path, DecoderConfig())


def test_pyavs_reason_is_given_where_neither_can(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(UndecodableError, match="recognises no video container"):
        Decoder(DecoderConfig()).open(path)
    with pytest.raises(UndecodableError, match="decord cannot open it"):
        Decoder(DECORD).open(path)


def test_a_file_that_is_gone_may_return(tmp_path: Path) -> None:
    with pytest.raises(TransientError):
        Decoder(DECORD).open(tmp_path / "gone.mp4")


@pytest.mark.parametrize(
    "values", [{"sample_fps": 0.0}, {"sample_fps": -1}, {"threads": 0}, {"max_pixels": -5}]
)
def test_a_senseless_configuration_is_refused(values: dict[str, Any]) -> None:
    (name,) = values
    with pytest.raises(ValueError, match=f"decoder.{name} is "):
        DecoderConfig(**values)


BASES: dict[str, dict[str, Any]] = {
    "v.avi": {"codec": "mpeg4"},
    "v.mp4": {"codec": "mpeg4", "options": {"bf": "2"}},
    "v.mkv": {"codec": "libvpx-vp9", "options": {"cpu-used": "8", "deadline": "realtime"}},
    "v.mpg": {"codec": "mpeg2video"},
    "v.ts": {"codec": "mpeg2video", "options": {"bf": "2"}},
    "v.gif": {"codec": "gif", "pixel_format": "rgb8"},
    "h264.mp4": {"options": {"x264-params": "open-gop=1:bframes=3:keyint=10"}},
    "hevc.ts": {"codec": "libx265", "options": {"x265-params": "log-level=none:keyint=10:bframes=3"}},
}


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("sample_fps", [math.inf, 8.0])
def test_broken_bytes_give_frames_or_a_failure(name: str, sample_fps: float, tmp_path: Path) -> None:
    """Whatever is broken, frames grow in number and time, the account adds up, or the source is blamed."""
    rng = np.random.default_rng(5)
    whole = encode_numbers(tmp_path / name, 30, **BASES[name]).read_bytes()
    path, config = tmp_path / "broken", DecoderConfig(sample_fps=sample_fps, is_decord_tried=False)
    outcomes = {"whole": 0, "partial": 0, "failed": 0}
    for round_number in range(30):
        path.write_bytes(broken(whole, round_number % 3, rng))
        try:
            frames, facts = read(path, config)
        except SourceError:
            outcomes["failed"] += 1
        else:
            indices, times = [frame.index for frame in frames], [frame.pts for frame in frames]
            assert indices == sorted(set(indices))
            assert times == sorted(set(times))
            assert 0 < facts.frames_sampled == len(frames) <= facts.frames_decoded
            outcomes["partial" if facts.is_partial else "whole"] += 1
    assert outcomes["partial"] + outcomes["failed"] >= 3


def broken(data: bytes, how: int, rng: np.random.Generator) -> bytes:
    """Return the bytes with some changed anywhere, some changed at the start, or a stretch missing."""
    changed = bytearray(data)
    if how == 2:
        start = int(rng.integers(len(data)))
        del changed[start : start + int(rng.integers(1, 3000))]
        return bytes(changed)
    for position in rng.integers(0, len(data) if how == 0 else 600, 25):
        changed[position] = int(rng.integers(256))
    return bytes(changed)


def test_a_name_that_is_no_utf8_hides_no_reason(tmp_path: Path) -> None:
    path = tmp_path / "bad\udcff.mp4"
    path.write_bytes(b"no video at all" * 100)
    with pytest.raises(SourceError, match="FFmpeg recognises no video container") as caught:
        Decoder(DecoderConfig()).open(path)
    caught.value.message.encode()
