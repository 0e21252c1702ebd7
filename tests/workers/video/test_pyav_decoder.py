import itertools
import math
import tracemalloc
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av import VideoFrame, VideoStream
from av.codec.context import Flags

from tests.workers.memory import little_memory
from tests.workers.videos import (
    encode,
    encode_numbers,
    number_of,
    numbered,
    overwrite,
    packets_of,
    truncate,
)
from workers.failure import TransientError
from workers.video.decoder import Decoder, DecoderConfig, Facts, Frame
from workers.video.pyav_decoder import PyavVideo
from workers.video.pyav_spans import SpannedVideo

ALL = DecoderConfig(sample_fps=math.inf)


def read(path: Path, config: DecoderConfig = ALL) -> tuple[list[Frame], Facts]:
    with Decoder(config).open(path) as video:
        return list(video), video.facts()


def shown(frames: list[Frame]) -> list[int]:
    return [number_of(frame.image) for frame in frames]


def numbers(frames: list[Frame]) -> list[int]:
    return [frame.index for frame in frames]


ALTREF = {"auto-alt-ref": "1", "lag-in-frames": "16"}
CODECS: dict[str, dict[str, Any]] = {
    "h264.mp4": {},
    "open_gop.mp4": {"options": {"x264-params": "open-gop=1:bframes=3:b-pyramid=normal:keyint=10"}},
    "deep.mkv": {"options": {"x264-params": "bframes=16:b-adapt=0:ref=16:keyint=60"}},
    "h264_10bit.mp4": {"pixel_format": "yuv420p10le"},
    "h264_444.mkv": {"pixel_format": "yuv444p"},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "log-level=none"}},
    "hevc_10bit.mp4": {
        "codec": "libx265",
        "pixel_format": "yuv420p10le",
        "options": {"x265-params": "log-level=none:open-gop=1:keyint=12"},
    },
    "vp8_altref.webm": {"codec": "libvpx", "options": ALTREF | {"b": "400k"}},
    "vp9_altref.webm": {"codec": "libvpx-vp9", "options": ALTREF},
    "av1.mp4": {"codec": "libsvtav1", "options": {"preset": "10", "svtav1-params": "lp=1"}},
    "mpeg4.avi": {"codec": "mpeg4"},
    "mpeg4_bframes.avi": {"codec": "mpeg4", "options": {"bf": "2"}},
    "mpeg2.mpg": {"codec": "mpeg2video", "options": {"bf": "2"}},
    "h264.ts": {},
    "h264.flv": {},
    "h264.avi": {},
    "h264.asf": {},
    "h264.mxf": {},
    "h264.vob": {},
    "raw.h264": {},
    "mjpeg.mov": {"codec": "mjpeg", "pixel_format": "yuvj420p"},
    "prores.mov": {"codec": "prores_ks", "pixel_format": "yuv422p10le"},
    "ffv1.mkv": {"codec": "ffv1"},
    "animation.gif": {"codec": "gif", "pixel_format": "rgb8", "fps": 10},
}


@pytest.mark.parametrize("name", CODECS)
def test_every_frame_comes_once_in_order_under_its_number(name: str, tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / name, 60, **CODECS[name])
    frames, facts = read(path)
    assert shown(frames) == list(range(60))
    assert numbers(frames) == list(range(60))
    assert facts.frames_decoded == facts.frames_sampled == 60
    assert (facts.packets_damaged, facts.is_partial) == (0, False)
    fps = CODECS[name].get("fps", 25)
    steps_s = np.diff([frame.pts_s for frame in frames])
    assert steps_s == pytest.approx(np.full(59, 1 / fps), abs=0.002)
    assert facts.duration_s == pytest.approx(60 / fps, abs=0.002)


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("threads", [1, 3])
def test_sampling_gives_the_pixels_of_a_full_decode(name: str, threads: int, tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / name, 60, **CODECS[name])
    every, _ = read(path)
    frames, facts = read(path, DecoderConfig(sample_fps=7.0, threads=threads))
    assert 1 < len(frames) < 60
    assert shown(frames) == numbers(frames)
    assert facts.frames_decoded == 60
    for frame in frames:
        assert frame.pts == every[frame.index].pts
        assert np.array_equal(frame.image, every[frame.index].image)


@pytest.mark.parametrize("kind", [PyavVideo, SpannedVideo])
def test_frames_that_nothing_refers_to_are_decoded_only_where_they_are_wanted(
    kind: type[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rare = {"x264-params": "bframes=7:b-adapt=0:b-pyramid=none:keyint=48"}
    path = encode_numbers(tmp_path / "v.mp4", 100, options=rare)
    decoder = Decoder(DecoderConfig(sample_fps=1.0, span_s=math.inf))
    pictures: list[VideoFrame] = []
    send = kind._sent

    def sent(video: Any, *arguments: Any, **named: Any) -> list[VideoFrame]:
        given = send(video, *arguments, **named)
        pictures.extend(given)
        return given

    with decoder.open(path) as video:
        spans = video.spans
        assert spans is not None
        monkeypatch.setattr(kind, "_sent", sent)
        if kind is PyavVideo:
            assert shown(list(video)) == [0, 25, 50, 75]
    if kind is SpannedVideo:
        with closing(decoder.open_spans(path, spans)) as spanned:
            assert shown(list(spanned.frames(0))) == [0, 25, 50, 75]
    assert 4 <= len(pictures) < 25


def test_variable_rate_keeps_exact_timestamps(tmp_path: Path) -> None:
    pts = list(itertools.accumulate([0, *([16, 42, 1500, 33, 7] * 8)]))
    path = encode_numbers(tmp_path / "v.mkv", len(pts), pts=pts, time_base=Fraction(1, 1000))
    frames, facts = read(path)
    assert [frame.pts for frame in frames] == pts
    assert facts.time_base == "1/1000"
    sampled, _ = read(path, DecoderConfig(sample_fps=2.0))
    assert shown(sampled) == numbers(sampled)
    ticks = [pts // 500 for pts in (frame.pts for frame in sampled)]
    assert ticks == sorted(set(ticks))


@pytest.mark.parametrize("sample_fps", [math.inf, 7.0])
def test_an_mp4_that_lost_the_order_of_presentation_is_numbered_by_what_comes(
    sample_fps: float, tmp_path: Path
) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 60, options={"bf": "3"})
    path.write_bytes(path.read_bytes().replace(b"ctts", b"free").replace(b"elst", b"free"))
    frames, facts = read(path, DecoderConfig(sample_fps=sample_fps))
    assert shown(frames) == numbers(frames)
    assert len(frames) == (60 if math.isinf(sample_fps) else 17)
    assert [frame.pts - frames[0].pts for frame in frames] == [512 * number for number in numbers(frames)]
    assert (facts.frames_decoded, facts.is_partial) == (60, False)


@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
@pytest.mark.parametrize("harm", ["missing", "hours ahead"])
@pytest.mark.parametrize("sample_fps", [math.inf, 7.0])
def test_pictures_with_bad_timestamps_are_used_like_others(
    codec: str, harm: str, sample_fps: float, tmp_path: Path
) -> None:
    path = encode_numbers(tmp_path / "v.ts", 60, codec=codec, options={"bf": "2"})
    intact, _ = read(path)
    data = bytearray(path.read_bytes())
    for at in pes_headers(data)[30:36:3]:  # ISO/IEC 13818-1 2.4.3.6
        if harm == "missing":
            data[at + 7] &= 0x3F
        else:
            data[at + 9] ^= 0x04
    path.write_bytes(data)
    frames, facts = read(path, DecoderConfig(sample_fps=sample_fps))
    assert shown(frames) == numbers(frames)
    assert len(frames) == (60 if math.isinf(sample_fps) else 17)
    assert [frame.pts for frame in frames] == [intact[frame.index].pts for frame in frames]
    assert (facts.frames_decoded, facts.is_partial) == (60, False)


def pes_headers(data: bytes | bytearray) -> list[int]:
    return [at for at in range(len(data)) if data[at : at + 3] == b"\0\0\1" and data[at + 3] == 0xE0]


@pytest.mark.parametrize("reordered", ["0", "2"])
def test_frames_that_share_a_timestamp_are_all_used(reordered: str, tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "whole.mkv", 60, options={"bf": reordered})
    packets = packets_of(path)
    shared = tmp_path / "v.mkv"
    with av.open(str(path)) as source, av.open(str(shared), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in packets:
            assert packet.pts is not None
            packet.pts -= packet.pts % 80  # in pairs
            packet.dts, packet.duration, packet.stream = None, 0, stream
            target.mux(packet)
    frames, facts = read(shared)
    assert shown(frames) == numbers(frames) == list(range(60))
    assert facts.frames_decoded == 60
    steps = np.diff([frame.pts for frame in frames])
    assert steps.min() >= 1
    assert abs(frames[-1].pts - 58 * 40) <= 80


@pytest.mark.parametrize("media_time", [1024 ^ 1 << 24, -1])
def test_an_edit_list_that_shows_nothing_is_not_followed(media_time: int, tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 30)
    data = bytearray(path.read_bytes())
    at = data.index(b"elst") + 16  # behind version, flags, entries and duration, ISO/IEC 14496-12 8.6.6
    assert int.from_bytes(data[at : at + 4]) == 1024
    data[at : at + 4] = media_time.to_bytes(4, signed=True)
    path.write_bytes(data)
    with Decoder(ALL).open(path) as video:
        frames, facts = list(video), video.facts()
        assert video.spans is None
    assert shown(frames) == numbers(frames) == list(range(30))
    assert facts.partial_reason == "its edit list shows none of its frames and is not followed"


def test_start_offset_is_kept(tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.mkv", 30, pts=list(range(125, 155)))
    frames, facts = read(path)
    assert frames[0].pts_s == 5.0
    assert (facts.start_pts, facts.duration_s) == (5000, pytest.approx(1.2))
    assert not facts.is_partial


@pytest.mark.parametrize("fps", [1, 240])
def test_slow_and_fast_videos(fps: int, tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 48, fps=fps)
    frames, facts = read(path, DecoderConfig(sample_fps=8.0))
    assert shown(frames) == (list(range(48)) if fps == 1 else [0, 30])
    assert facts.fps == fps


def test_joined_recordings_are_counted_through(tmp_path: Path) -> None:
    parts = [encode_numbers(tmp_path / f"{number}.ts", 25) for number in range(2)]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    frames, facts = read(joined)
    assert shown(frames) == [*range(25), *range(25)]
    assert numbers(frames) == list(range(50))
    assert np.diff([frame.pts_s for frame in frames]) == pytest.approx(np.full(49, 0.04))
    assert facts.duration_s == pytest.approx(2.0)


def test_damaged_packets_are_counted_and_the_rest_is_used(tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 72)
    packets = packets_of(path)
    for packet in packets[30:34]:
        assert packet.pos is not None
        overwrite(path, packet.pos, packet.size)
    frames, facts = read(path)
    assert facts.packets_damaged == 4
    assert facts.frames_decoded == len(frames) == 68
    assert (facts.is_partial, facts.partial_reason) == (True, "4 of 72 packets are damaged")
    # Those after the next key frame are whole again and have the numbers they always had.
    healthy = [frame for frame in frames if frame.index < 20 or frame.index >= 48]
    assert shown(healthy) == numbers(healthy)
    assert numbers(healthy) == [*range(20), *range(48, 72)]


@pytest.mark.parametrize("sample_fps", [math.inf, 7.0])
def test_packets_that_have_no_number_are_counted_too(sample_fps: float, tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.avi", 72)
    packet = packets_of(path)[30]
    overwrite(path, packet.pos or 0, packet.size)
    _, facts = read(path, DecoderConfig(sample_fps=sample_fps))
    assert (facts.frames_decoded, facts.partial_reason) == (71, "1 of 72 packets are damaged")


def test_the_times_of_a_broken_beginning_are_not_given_to_what_follows(tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.avi", 144)
    for packet in packets_of(path)[:61]:
        overwrite(path, (packet.pos or 0) + 8, packet.size - 8)  # not the chunk's header
    frames, facts = read(path)
    assert facts.packets_damaged >= 61
    off_by = [abs(frame.pts_s * 25 - number) for frame, number in zip(frames, shown(frames), strict=True)]
    assert max(off_by[12:]) <= 17


@pytest.mark.parametrize("codec", ["libx264", "mpeg4", "mpeg2video"])
def test_pictures_that_the_decoder_filled_in_are_kept_and_counted(codec: str, tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 60, codec=codec)
    intact, _ = read(path)
    packets = packets_of(path)
    for number in (24, 36):
        packet = packets[number]
        overwrite(path, (packet.pos or 0) + packet.size // 2, packet.size // 3)
    frames, facts = read(path)
    assert len(frames) == 60
    changed = [ours for ours, whole in zip(frames, intact, strict=True) if (ours.image != whole.image).any()]
    assert changed
    assert (facts.packets_damaged, facts.is_partial) == (0, True)
    assert facts.partial_reason == "2 pictures are damaged and filled in by the decoder"


def test_damage_does_not_move_the_samples(tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 72)
    config = DecoderConfig(sample_fps=5.0)
    intact, _ = read(path, config)
    for packet in packets_of(path)[28:42]:
        overwrite(path, packet.pos or 0, packet.size)
    frames, facts = read(path, config)
    assert set(numbers(frames)) < set(numbers(intact))
    assert facts.is_partial
    assert facts.packets_damaged >= 1


def test_garbage_between_transport_packets_is_passed_over(tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.ts", 75)
    overwrite(path, path.stat().st_size // 2, 3000, 0)
    frames, facts = read(path)
    assert 40 < len(frames) < 76
    assert facts.frames_decoded > 40
    assert shown(frames[:20]) == list(range(20))
    assert frames[-1].pts_s - frames[0].pts_s == pytest.approx(74 * 0.04)


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
def test_what_is_left_of_a_truncated_file_is_used(name: str, tmp_path: Path) -> None:
    options = {"movflags": "faststart"} if name == "v.mp4" else None
    path = encode_numbers(tmp_path / name, 150, container_options=options)
    truncate(path, path.stat().st_size // 2)
    frames, facts = read(path)
    assert 30 < len(frames) < 120
    assert shown(frames[:30]) == list(range(30))
    assert facts.is_partial
    assert "of the 6.000 s that its header states" in (facts.partial_reason or "")


def test_a_mute_start_keeps_its_numbers(tmp_path: Path) -> None:
    """A recording cut out of a stream begins with frames that refer to what is gone."""
    whole = encode_numbers(tmp_path / "v.ts", 60, options={"g": "20", "bf": "0"})
    positions = [packet.pos for packet in packets_of(whole)]
    cut = tmp_path / "cut.ts"
    start = positions[7] or 0
    data = whole.read_bytes()
    cut.write_bytes(data[: 3 * 188] + data[start - start % 188 :])
    frames, facts = read(cut)
    assert shown(frames) == list(range(20, 60))
    assert np.diff(numbers(frames)).tolist() == [1] * 39
    assert facts.is_partial


def test_limit_of_frames_keeps_what_came_before(tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 60)
    frames, facts = read(path, DecoderConfig(sample_fps=math.inf, max_frames=20))
    assert numbers(frames) == list(range(20))
    assert facts.frames_decoded == 20
    assert facts.is_partial
    assert "max_frames=20" in (facts.partial_reason or "")
    assert facts.duration_s == pytest.approx(0.8)


def test_limit_of_time_keeps_what_came_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 200)
    ticks = itertools.count()
    monkeypatch.setattr("workers.clock.time.monotonic", lambda: next(ticks))
    frames, facts = read(path, DecoderConfig(sample_fps=math.inf, max_seconds=100))
    assert 10 < len(frames) < 180
    assert facts.frames_decoded == len(frames)
    assert "max_seconds=100" in (facts.partial_reason or "")


def test_time_between_frames_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 50)
    now_s = 0.0
    monkeypatch.setattr("workers.clock.time.monotonic", lambda: now_s)
    with Decoder(DecoderConfig(sample_fps=math.inf, max_seconds=100)).open(path) as video:
        for _ in video:
            now_s += 60
        assert video.facts().frames_sampled == 50


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 1000)
    with Decoder(DecoderConfig(sample_fps=2.0)).open(path) as video:
        frames = iter(video)
        for _ in range(10):
            next(frames)
        tracemalloc.start()
        for _ in frames:
            pass
        held_bytes, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert held_bytes < 300_000  # a picture or so


def interlace(stream: VideoStream) -> None:
    stream.codec_context.options = stream.codec_context.options | {"x264-params": "tff=1:bframes=2"}


def interlace_quietly(stream: VideoStream) -> None:
    """In MPEG-4, of which FFmpeg's look at the first pictures does not tell the scan."""
    stream.codec_context.flags |= Flags.interlaced_dct | Flags.interlaced_me


@pytest.mark.parametrize("name", ["v.mp4", "v.ts", "quiet.mp4", "late.ts"])
@pytest.mark.parametrize("sample_fps", [math.inf, 6.0])
def test_interlaced_pictures_are_made_whole(name: str, sample_fps: float, tmp_path: Path) -> None:
    """Two fields of a fast-moving edge comb; deinterlaced they do not."""
    images = [weave(number) for number in range(30)]
    path = tmp_path / name
    if name == "quiet.mp4":
        encode(path, images, codec="mpeg4", prepare=interlace_quietly)
    else:
        encode(path, images, prepare=interlace)
    first = 0
    if name == "late.ts":
        first = 12
        images[:first] = [numbered(number, 160, 128) for number in range(first)]
        encode(path, images[:first])
        rest = encode(tmp_path / "rest.ts", images[first:], prepare=interlace)
        path.write_bytes(path.read_bytes() + rest.read_bytes())
    frames, facts = read(path, DecoderConfig(sample_fps=sample_fps))
    assert shown(frames) == numbers(frames)
    assert facts.frames_decoded == 30
    assert len(frames) == (30 if math.isinf(sample_fps) else 7)
    combed = [frame for frame in frames[1:-1] if frame.index > first]
    assert len(combed) > 2
    for frame in combed:
        assert combing(frame.image) < combing(images[frame.index]) / 4


def weave(number: int) -> Any:
    """A numbered picture whose bar in the lower half moves between its two fields."""
    image = numbered(number, 160, 128)
    image[80:] = 20
    for field in range(2):
        left = 10 + (number * 2 + field) * 2
        image[80 + field :: 2, left : left + 12] = 230
    return image


def combing(image: Any) -> float:
    lower = image[88:120].astype(float).mean(2)
    return float(np.abs(lower[1:-1] - (lower[:-2] + lower[2:]) / 2).mean())


def test_pictures_that_find_no_memory_are_not_taken_for_broken_ones(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", (np.zeros((720, 1280, 3), np.uint8) for _ in range(20)))
    with Decoder(ALL).open(path) as video:
        frames = [next(iter(video))]
        with little_memory(0):
            hoard: list[Any] = []
            with pytest.raises(MemoryError):  # what this process was given and does not use
                hoard.extend(np.empty((720, 1280, 3), np.uint8) for _ in itertools.count())
            with pytest.raises((MemoryError, TransientError)):
                frames += video
