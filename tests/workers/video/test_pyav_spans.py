import itertools
import math
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.workers.videos import encode_numbers, number_of, overwrite, packets_of, truncate
from workers.clock import Stopwatch
from workers.video.decoder import Decoder, DecoderConfig, Facts, Frame, SpanEnd
from workers.video.spans import UnsplittableError

VFR = list(itertools.accumulate([0, *([16, 42, 210, 33, 7] * 24)]))
ALTREF = {"auto-alt-ref": "1", "lag-in-frames": "16", "g": "25"}
VIDEOS: dict[str, dict[str, Any]] = {
    "closed.mp4": {},
    "no_b.mp4": {"options": {"bf": "0"}},
    "open_gop.mp4": {"options": {"x264-params": "open-gop=1:bframes=3:b-pyramid=normal:keyint=10"}},
    "open_gop_refs.mkv": {
        "options": {"x264-params": "open-gop=1:bframes=5:ref=8:b-pyramid=normal:keyint=20"}
    },
    "open_gop.ts": {"options": {"x264-params": "open-gop=1:bframes=3:keyint=15"}},
    "deep.mkv": {"options": {"x264-params": "bframes=16:b-adapt=0:ref=16:keyint=30"}},
    "high10.mp4": {"pixel_format": "yuv420p10le"},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "log-level=none:keyint=20"}},
    "hevc_open.mp4": {
        "codec": "libx265",
        "options": {"x265-params": "log-level=none:open-gop=1:keyint=12:bframes=4"},
    },
    "vp8.webm": {"codec": "libvpx", "options": ALTREF | {"b": "400k"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": ALTREF},
    "av1.mp4": {"codec": "libsvtav1", "options": {"preset": "10", "svtav1-params": "lp=1:keyint=20"}},
    "mpeg4.mp4": {"codec": "mpeg4", "options": {"bf": "2", "g": "15"}},
    "mpeg2.ts": {"codec": "mpeg2video", "options": {"bf": "2", "g": "15"}},
    "h264.ts": {},
    "h264.flv": {},
    "fragmented.mp4": {"container_options": {"movflags": "frag_keyframe+empty_moov"}},
    "mjpeg.mov": {"codec": "mjpeg", "pixel_format": "yuvj420p"},
    "prores.mov": {"codec": "prores_ks", "pixel_format": "yuv422p10le"},
    "variable.mkv": {"pts": VFR[:120], "time_base": Fraction(1, 1000)},
    "offset.mkv": {"pts": list(range(125, 245))},
}


def whole(path: Path, config: DecoderConfig) -> tuple[list[Frame], Facts]:
    with Decoder(config).open(path) as video:
        return list(video), video.facts()


Found = tuple[dict[int, list[Frame]], dict[int, SpanEnd]]


def in_spans(path: Path, config: DecoderConfig, wanted: Callable[[int], bool] = lambda _: True) -> Found:
    """Return the frames of the wanted spans, and how the spans ended."""
    decoder = Decoder(config)
    with decoder.open(path) as video:
        spans = video.spans
    assert spans is not None
    frames: dict[int, list[Frame]] = {}
    ends: dict[int, SpanEnd] = {}
    with closing(decoder.open_spans(path, spans)) as video:
        for number in filter(wanted, itertools.count()):
            frames[number] = list(video.frames(number))
            ends[number] = video.end()
            if ends[number].facts is not None:
                break
    return frames, ends


@pytest.mark.parametrize("name", VIDEOS)
@pytest.mark.parametrize("sample_fps", [math.inf, 7.0])
def test_spans_decoded_apart_give_what_the_whole_gives(name: str, sample_fps: float, tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / name, 120, **VIDEOS[name])
    config = DecoderConfig(sample_fps=sample_fps, span_s=0.7)
    expected, facts = whole(path, config)
    (even, even_ends), (odd, odd_ends) = (
        in_spans(path, config, lambda number, rest=rest: number % 2 == rest) for rest in (0, 1)
    )
    found, ends = even | odd, even_ends | odd_ends
    assert sum(bool(frames) for frames in found.values()) > 2
    frames = [frame for number in sorted(found) for frame in found[number]]
    assert [(f.index, f.pts, f.pts_s) for f in frames] == [(f.index, f.pts, f.pts_s) for f in expected]
    for ours, theirs in zip(frames, expected, strict=True):
        assert np.array_equal(ours.image, theirs.image)
    met = [end for _, end in sorted(ends.items()) if end.begins is not None]
    assert all(one.ends == other.begins is not None for one, other in itertools.pairwise(met))
    assert {replace(end.facts, frames_sampled=len(frames)) for end in ends.values() if end.facts} == {facts}


def test_a_reader_that_begins_in_the_middle_sees_the_same(tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 120)
    config = DecoderConfig(sample_fps=math.inf, span_s=1.0)
    every, _ = in_spans(path, config)
    late, ends = in_spans(path, config, lambda number: number >= 3)
    assert min(late) == 3
    assert [frame.index for frame in late[3]] == [frame.index for frame in every[3]]
    assert [frame.image.tobytes() for frame in late[3]] == [frame.image.tobytes() for frame in every[3]]
    assert ends[max(ends)].facts is not None


def test_only_the_time_within_spans_counts_and_adds_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 120)
    now_s = 0.0
    monkeypatch.setattr("workers.clock.time.monotonic", lambda: now_s)
    decoder = Decoder(DecoderConfig(span_s=1.0, max_seconds=100))
    with decoder.open(path) as video:
        spans = video.spans
    assert spans is not None

    class Slow(Stopwatch):
        @property
        def seconds(self) -> float:
            return super().seconds + 30  # for any span

    monkeypatch.setattr("workers.video.pyav_spans.Stopwatch", Slow)
    with closing(decoder.open_spans(path, spans)) as spanned:
        for number in range(3):
            now_s += 60
            assert list(spanned.frames(number))
        with pytest.raises(UnsplittableError, match="max_seconds=100"):
            list(spanned.frames(3))


def test_a_span_ends_at_a_key_frame_however_rare_they_are(tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 100, options={"g": "40", "sc_threshold": "0"})
    frames, ends = in_spans(path, DecoderConfig(sample_fps=math.inf, span_s=0.4))
    assert [(number, found[0].index, len(found)) for number, found in frames.items()] == [
        (0, 0, 40),
        (1, 40, 40),
        (2, 80, 20),
    ]
    assert ends[0].ends == ends[1].begins != ends[2].begins


def test_no_span_lies_where_the_clock_leaps(tmp_path: Path) -> None:
    leap_s = 10**6
    pts = [*range(0, 800, 40), *range(1000 * leap_s, 1000 * leap_s + 800, 40)]
    options: dict[str, Any] = {"options": {"g": "10"}, "pts": pts, "time_base": Fraction(1, 1000)}
    path = encode_numbers(tmp_path / "v.mkv", 40, **options)
    config = DecoderConfig(sample_fps=math.inf, span_s=30.0)
    frames, ends = in_spans(path, config)
    assert [[frame.index for frame in found] for found in frames.values()] == [[*range(20)], [*range(20, 40)]]
    expected, facts = whole(path, config)
    assert [frame.pts_s for found in frames.values() for frame in found] == [f.pts_s for f in expected]
    assert ends[1].facts == replace(facts, frames_sampled=0)


def test_a_video_of_one_span_is_the_whole(tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 50)
    found, ends = in_spans(path, DecoderConfig(span_s=math.inf))
    expected, facts = whole(path, DecoderConfig())
    assert list(found) == [0]
    assert [frame.index for frame in found[0]] == [frame.index for frame in expected]
    assert ends[0].facts is not None
    assert replace(ends[0].facts, frames_sampled=len(expected)) == facts


def damaged(path: Path) -> None:
    for packet in packets_of(path)[50:54]:
        overwrite(path, packet.pos or 0, packet.size)


def interlaced_later(path: Path) -> None:
    rest = path.with_name("rest.ts")
    encode_numbers(rest, 60, options={"x264-params": "tff=1:bframes=2"})
    path.write_bytes(path.read_bytes() + rest.read_bytes())


REFRESH = {"options": {"x264-params": "intra-refresh=1:keyint=30:bframes=0"}}


@pytest.mark.parametrize(
    ("name", "options", "harm"),
    [("v.mp4", {}, damaged), ("v.ts", {}, interlaced_later), ("v.ts", REFRESH, None)],
)
def test_what_would_not_be_the_same_is_refused(
    name: str, options: dict[str, Any], harm: Callable[[Path], None] | None, tmp_path: Path
) -> None:
    """Damage, fields, and pictures renewed bit by bit, so that decoding can begin at none of them."""
    path = encode_numbers(tmp_path / name, 120, **options)
    if harm:
        harm(path)
    with pytest.raises(UnsplittableError):
        seams_of(in_spans(path, DecoderConfig(sample_fps=math.inf, span_s=1.0))[1])


@pytest.mark.parametrize("name", ["closed.mp4", "open_gop.mp4", "hevc_open.mp4", "mpeg4.mp4", "mjpeg.mov"])
def test_concealed_damage_is_the_same_or_refused(name: str, tmp_path: Path) -> None:
    """Where the decoder fills in what is missing, it takes it from what it has seen before."""
    rng = np.random.default_rng(9)
    path = encode_numbers(tmp_path / name, 60, **VIDEOS[name])
    data, packets = path.read_bytes(), packets_of(path)
    config = DecoderConfig(sample_fps=math.inf, span_s=0.7, is_decord_tried=False)
    refused = 0
    for _ in range(24):
        path.write_bytes(data)
        packet = packets[int(rng.integers(1, len(packets)))]
        overwrite(path, (packet.pos or 0) + int(rng.integers(8, packet.size)), 2, int(rng.integers(256)))
        expected, _ = whole(path, config)
        try:
            halves = [in_spans(path, config, lambda number, rest=rest: number % 2 == rest) for rest in (0, 1)]
            seams_of(halves[0][1] | halves[1][1])
        except UnsplittableError:
            refused += 1
            continue
        found = halves[0][0] | halves[1][0]
        frames = [frame for number in sorted(found) for frame in found[number]]
        assert [f.index for f in frames] == [f.index for f in expected]
        assert all(np.array_equal(f.image, g.image) for f, g in zip(frames, expected, strict=True))
    assert refused


def test_one_wrong_timestamp_costs_no_frame(tmp_path: Path) -> None:
    """The first picture says that it is shown last, so that all others seem to come too late."""
    path = encode_numbers(tmp_path / "v.ts", 60, codec="mpeg2video", options={"g": "60", "bf": "2"})
    data = bytearray(path.read_bytes())
    header = data.index(b"\0\0\1\xe0") + 9  # of the first picture, ISO/IEC 13818-1 2.4.3.6
    data[header + 1] ^= 0x40  # a high bit of its PTS
    path.write_bytes(data)
    with Decoder(DecoderConfig(sample_fps=7.0, span_s=0.7, is_decord_tried=False)).open(path) as video:
        assert video.spans is None
        frames = list(video)
        assert [number_of(frame.image) for frame in frames] == [frame.index for frame in frames]
        assert len(frames) == 17
        assert not video.facts().is_partial


@pytest.mark.parametrize("sample_fps", [math.inf, 7.0])
def test_where_timestamps_lose_the_order_no_frame_is_lost_and_spans_are_refused(
    sample_fps: float, tmp_path: Path
) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 120, options={"bf": "3", "b_strategy": "0"})
    data = bytearray(path.read_bytes().replace(b"elst", b"free"))
    start = data.index(b"ctts") + 12  # pairs of a count and an offset, ISO/IEC 14496-12 8.6.1.3
    middle = start + int.from_bytes(data[start - 4 : start]) // 2 * 8
    data[middle + 2] ^= 0x10  # thousands of packets with the same offset
    path.write_bytes(data)
    config = DecoderConfig(sample_fps=sample_fps, span_s=0.7, is_decord_tried=False)
    frames, facts = whole(path, config)
    assert facts.frames_decoded == 120
    assert not facts.is_partial
    shown = [number_of(frame.image) for frame in frames]
    assert len(shown) == (120 if math.isinf(sample_fps) else 34)
    wrong = [number for number, frame in zip(shown, frames, strict=True) if number != frame.index]
    assert len(wrong) <= (0 if math.isinf(sample_fps) else 2)  # until the disorder is seen
    with pytest.raises(UnsplittableError, match="the order of their timestamps"):
        in_spans(path, config)


def seams_of(ends: dict[int, SpanEnd]) -> None:
    """Do at the seams what the stitcher does."""
    met = [end for _, end in sorted(ends.items()) if end.begins is not None]
    if any(one.ends != other.begins for one, other in itertools.pairwise(met)):
        raise UnsplittableError("seams differ")


def test_what_is_left_of_a_file_is_the_same(tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 120, container_options={"movflags": "faststart"})
    truncate(path, path.stat().st_size * 3 // 4)
    config = DecoderConfig(sample_fps=math.inf, span_s=1.0)
    expected, facts = whole(path, config)
    try:
        found, ends = in_spans(path, config)
    except UnsplittableError:
        assert facts.packets_damaged
        return
    assert facts.is_partial
    assert [frame.index for frames in found.values() for frame in frames] == [f.index for f in expected]
    assert {end.facts.partial_reason for end in ends.values() if end.facts} == {facts.partial_reason}


@pytest.mark.parametrize("name", ["v.gif", "v.h264", "v.avi", "v.png", "interlaced.mp4"])
def test_some_videos_are_never_divided(name: str, tmp_path: Path) -> None:
    options: dict[str, dict[str, Any]] = {
        "v.gif": {"codec": "gif", "pixel_format": "rgb8"},
        "v.png": {"codec": "png", "pixel_format": "rgb24", "container_format": "image2pipe"},
        "interlaced.mp4": {"options": {"x264-params": "tff=1:bframes=2"}},
    }
    path = encode_numbers(tmp_path / name, 30, **options.get(name, {}))
    with Decoder(DecoderConfig(span_s=0.1)).open(path) as video:
        assert video.spans is None
    with Decoder(DecoderConfig(span_s=0.1, backend="decord")).open(
        encode_numbers(tmp_path / "v.mp4", 30)
    ) as video:
        assert video.spans is None
