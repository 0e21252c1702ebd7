import math
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from av import VideoStream
from av.stream import Disposition
from PIL import Image

from tests.workers.memory import growth_bytes
from tests.workers.videos import encode, encode_audio, encode_numbers, number_of, numbered, side_by_side
from workers.failure import SourceError, TransientError, UndecodableError
from workers.video.decoder import Decoder, DecoderConfig
from workers.video.probe import check_header, choose_stream, open_container, read_header

CONFIG = DecoderConfig(is_decord_tried=False)


def bomb(path: Path, side_px: int) -> Path:
    """A small PNG that unpacks to side x side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress((b"\0" * (side_px + 1)) * side_px, 9)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side_px, side_px, 8, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    return path


def open_it(path: Path) -> None:
    with pytest.raises(SourceError, match=r"v\.mp4: .* larger than decoder\.max_pixels") as caught:
        Decoder(DecoderConfig()).open(path)
    assert type(caught.value) is SourceError  # not worth asking another decoder


def look_at_header(path: Path) -> None:
    with path.open("rb") as file:
        check_header(file, path.name, DecoderConfig())


@pytest.mark.parametrize(
    "content",
    [b"not a video, just words. " * 40, b"<html><h1>404 Not Found</h1></html>", bytes(range(256)) * 64],
    ids=["text", "html", "bytes"],
)
def test_what_is_no_video_is_the_sources_fault(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(content)
    with pytest.raises(UndecodableError, match=r"v\.mp4: FFmpeg recognises no video container") as caught:
        Decoder(CONFIG).open(path)
    assert (caught.value.stage, caught.value.error) == ("decode", "InvalidDataError")


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    path.touch()
    with pytest.raises(SourceError, match=r"v\.mp4: the file is empty") as caught:
        Decoder(DecoderConfig()).open(path)
    assert type(caught.value) is SourceError  # not worth asking another decoder


def test_a_header_that_was_cut_off_is_the_sources_fault(tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 20)  # its index comes last
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UndecodableError):
        Decoder(CONFIG).open(path)


def test_sound_without_pictures_is_the_sources_fault(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no video stream \(streams: audio\)") as caught:
        Decoder(DecoderConfig()).open(encode_audio(tmp_path / "a.mp4"))
    assert type(caught.value) is SourceError  # not worth asking another decoder


def test_a_file_that_is_gone_may_return(tmp_path: Path) -> None:
    with pytest.raises(TransientError, match="disappeared"):
        Decoder(CONFIG).open(tmp_path / "gone.mp4")


@pytest.mark.parametrize(
    "content",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{path}\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/v.ts\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile other.ts\n",
    ],
    ids=["hls_file", "hls_address", "concat"],
)
def test_a_playlist_leads_nowhere(content: str, tmp_path: Path) -> None:
    other = encode_numbers(tmp_path / "other.ts", 10)
    path = tmp_path / "v.mp4"
    path.write_text(content.format(path=other))
    with pytest.raises(SourceError):
        Decoder(CONFIG).open(path)


@pytest.mark.parametrize("name", ["a: b%03d.mp4", "ünï.mp4", "http:x.mp4", "\udcff\udcfe.mp4"])
def test_a_strange_name_is_only_a_name(name: str, tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 5).rename(tmp_path / name)
    with Decoder(CONFIG).open(path) as video:
        assert len(list(video)) == 2


def test_a_picture_whose_name_is_a_pattern_of_another_kind_is_known_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a%d.jpg"
    Image.new("RGB", (64, 48)).save(path, format="PNG")
    with Decoder(CONFIG).open(path) as video:
        assert len(list(video)) == 1
    assert video.facts().codec == "png"


@pytest.mark.parametrize("name", ["notes.txt", "art.ans", "v.nfo", "v.bin"])
def test_text_is_no_video(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"\x1b[31mwords in red\x1b[0m\r\n" * 300)
    with pytest.raises(SourceError, match=r"text|recognises no video container"):
        Decoder(DecoderConfig()).open(path)


def test_too_many_pixels_are_refused_by_the_header(tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 2)
    with pytest.raises(SourceError, match=r"frames of 160x96 exceed decoder.max_pixels=10000"):
        Decoder(DecoderConfig(max_pixels=10_000)).open(path)


def test_too_much_memory_is_refused_by_the_header(tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 2)
    with pytest.raises(SourceError, match=r"needs about \d+ bytes, over decoder.max_memory_bytes=100000"):
        Decoder(DecoderConfig(max_memory_bytes=100_000)).open(path)


@pytest.mark.parametrize("look", [open_it, look_at_header])
def test_a_bomb_is_not_unpacked(look: Callable[[Path], None], tmp_path: Path) -> None:
    path = bomb(tmp_path / "v.mp4", 9000)
    assert path.stat().st_size < 100_000
    assert growth_bytes(lambda: look(path)) < 20 << 20  # it would be 81 MB
    with Decoder(CONFIG).open(bomb(tmp_path / "small.mp4", 300)) as video:
        assert len(list(video)) == 1


@pytest.mark.parametrize(
    "limit", [replace(CONFIG, max_pixels=96 * 96), replace(CONFIG, max_memory_bytes=400_000)]
)
def test_a_switch_to_too_many_pixels_is_damage(limit: DecoderConfig, tmp_path: Path) -> None:
    parts = [encode(tmp_path / f"{side}.ts", [numbered(1, side, side)] * 10) for side in (96, 400)]
    path = tmp_path / "v.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    with Decoder(replace(limit, sample_fps=math.inf)).open(path) as video:
        assert len(list(video)) == 10
        assert video.facts().packets_damaged >= 1


def test_the_default_stream_comes_first_then_the_largest(tmp_path: Path) -> None:
    small = encode(tmp_path / "s.mkv", [numbered(1, 96, 64)] * 5)
    large = encode(tmp_path / "l.mkv", [numbered(2, 160, 96)] * 5)

    def make_small_default(stream: VideoStream) -> None:
        stream.disposition = Disposition.default if stream.width == 96 else Disposition.forced

    def make_none_default(stream: VideoStream) -> None:
        stream.disposition = Disposition.forced

    for prepare, width_px in ((make_small_default, 96), (make_none_default, 160)):
        for order in ([small, large], [large, small]):
            path = side_by_side(tmp_path / "both.mkv", order, prepare)
            with open_container(path, CONFIG) as container:
                assert choose_stream(container, path.name).width == width_px


def test_an_animated_picture_is_more_than_its_first_frame(tmp_path: Path) -> None:
    first, *rest = (Image.fromarray(numbered(number)) for number in range(5))
    path = tmp_path / "p.avif"
    first.save(path, save_all=True, append_images=rest, duration=200, speed=10)
    with Decoder(DecoderConfig(sample_fps=math.inf)).open(path) as video:
        frames = [(number_of(frame.image), frame.pts_s) for frame in video]
        facts = video.facts()
    assert frames == [(number, number / 5) for number in range(5)]
    assert (facts.duration_s, facts.is_partial) == (1.0, False)


def test_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    cover = encode(tmp_path / "c.mkv", [numbered(1)], codec="mjpeg", pixel_format="yuvj420p")

    def attach(stream: VideoStream) -> None:
        stream.disposition = Disposition.attached_pic

    path = side_by_side(tmp_path / "both.mp4", [cover], attach)
    with pytest.raises(SourceError, match="no video stream"):
        Decoder(CONFIG).open(path)


def test_the_header_is_read_as_it_is(tmp_path: Path) -> None:
    def widen(stream: VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)

    path = encode_numbers(tmp_path / "v.mkv", 30, fps=30, pixel_format="yuv420p10le", prepare=widen)
    with open_container(path, CONFIG) as container:
        header = read_header(container, choose_stream(container, path.name))
    assert header.container == "matroska,webm"
    assert (header.codec, header.pixel_format, header.fps) == ("h264", "yuv420p10le", 30.0)
    assert header.sample_aspect_ratio == Fraction(4, 3)
    assert header.time_base == Fraction(1, 1000)
    assert header.duration_s == pytest.approx(1.0, abs=0.01)


def test_a_header_that_lies_about_the_length_is_not_believed(tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.mkv", 25)
    data, stated = path.read_bytes(), b"\x44\x89\x88"  # Duration, a double in milliseconds
    at = data.index(stated) + len(stated)
    path.write_bytes(data[:at] + struct.pack(">d", 36e6) + data[at + 8 :])
    with Decoder(DecoderConfig(sample_fps=math.inf)).open(path) as video:
        assert len(list(video)) == 25
        facts = video.facts()
    assert facts.duration_s == pytest.approx(1.0)
    assert facts.is_partial
    assert facts.partial_reason == "the file ends at 1.000 s of the 36000.000 s that its header states"


def overstated(data: bytes, box: bytes, offset: int, value: bytes) -> bytes:
    """Return a file with a number in its header replaced."""
    at = data.index(box) + len(box) + offset
    return data[:at] + value + data[at + len(value) :]


@pytest.mark.parametrize(
    ("name", "box", "offset", "value"),
    [
        ("v.mp4", b"mdhd", 16, struct.pack(">I", 1 << 30)),  # duration of the track
        ("v.mp4", b"mvhd", 16, struct.pack(">I", 1 << 30)),  # duration of the film
        ("v.avi", b"avih", 20, struct.pack("<I", 1 << 30)),  # number of frames
        ("v.avi", b"strh", 36, struct.pack("<I", 1 << 30)),  # length of the stream
    ],
    ids=["track", "film", "frames", "stream"],
)
def test_numbers_in_a_header_are_not_believed(
    name: str, box: bytes, offset: int, value: bytes, tmp_path: Path
) -> None:
    path = encode_numbers(tmp_path / name, 30, codec="mpeg4")
    path.write_bytes(overstated(path.read_bytes(), box, offset, value))
    with Decoder(DecoderConfig(sample_fps=math.inf)).open(path) as video:
        frames = list(video)
        facts = video.facts()
    assert [number_of(frame.image) for frame in frames] == list(range(30))
    assert facts.frames_decoded == 30
    assert facts.duration_s == pytest.approx(1.2)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("v.mkv", {"live": "1"}),
        ("v.webm", {"live": "1"}),
        ("v.mp4", {"movflags": "frag_keyframe+empty_moov"}),
        ("v.flv", {"flvflags": "no_duration_filesize"}),
    ],
)
def test_a_stream_that_states_no_end_is_read_to_it(
    name: str, options: dict[str, str], tmp_path: Path
) -> None:
    """As recorders write that do not know when they will be stopped."""
    codec = "libvpx" if name == "v.webm" else "libx264"
    path = encode_numbers(tmp_path / name, 40, codec=codec, container_options=options)
    with Decoder(DecoderConfig(sample_fps=math.inf)).open(path) as video:
        frames = list(video)
        facts = video.facts()
    assert [number_of(frame.image) for frame in frames] == list(range(40))
    assert (facts.duration_s, facts.is_partial) == (pytest.approx(1.6, abs=0.05), False)


@pytest.mark.parametrize("name", ["p.png", "p.jpg", "p.webp", "p.bmp", "p.tiff", "p.gif"])
def test_a_still_is_one_frame(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    Image.fromarray(numbered(77)).save(path)
    misnamed = tmp_path / "p.mp4"
    misnamed.write_bytes(path.read_bytes())
    for still in (path, misnamed):
        with Decoder(CONFIG).open(still) as video:
            (frame,) = list(video)
            facts = video.facts()
        assert number_of(frame.image) == 77
        assert (frame.index, frame.pts_s) == (0, 0.0)
        assert (facts.frames_decoded, facts.is_partial) == (1, False)


@pytest.mark.parametrize("name", ["v.ts", "v.mp4", "v.mkv"])
def test_a_late_start_is_kept(name: str, tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / name, 30, pts=list(range(125, 155)))
    with Decoder(DecoderConfig(sample_fps=math.inf)).open(path) as video:
        frames = list(video)
        facts = video.facts()
    assert [number_of(frame.image) for frame in frames] == list(range(30))
    # MPEG-TS adds a delay of its own.
    assert frames[0].pts_s == pytest.approx(5.0, abs=1.5 if name == "v.ts" else 0.001)
    assert (facts.duration_s, facts.is_partial) == (pytest.approx(1.2), False)


def test_a_source_that_takes_too_long_to_open_may_be_faster_later(tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 20)
    with pytest.raises(TransientError, match=r"v\.mp4: opening took over 1e-09 s") as caught:
        Decoder(DecoderConfig(max_seconds=1e-9)).open(path)
    assert (caught.value.stage, caught.value.error) == ("decode", "ExitError")
