import os
import pickle
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from model.synthetic.scene import sample_shot
from storage import records
from storage.archive import Fetched
from storage.records import Video
from tests.workers.readings import WholeReading, whole_reading
from tests.workers.videos import encode, encode_numbers
from workers import reader as reader_module
from workers.clipper import ClipperConfig
from workers.faces.embedded import EmbeddedDetector
from workers.failure import SourceError, TransientError
from workers.reader import Chunk, ClipCut, Reader, ReaderConfig, RowIds
from workers.shots import ShotsConfig
from workers.video.decoder import DecoderConfig

IDS = RowIds("1b4f0e9851971998", "attempt", "scan")
CONFIG = ReaderConfig(clipper=ClipperConfig(window_s=1.0, stride_s=1.0))
FRAMES, CUT = 18, 8


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One person, then a cut to two others; eight frames a second."""
    rng = np.random.default_rng(3)
    shots = [sample_shot(rng, size_px=(280, 200), seconds=4.0, people=people) for people in (1, 2)]
    pictures = [shot.picture_at(0.0, 0)[0] for shot in shots]
    images = [pictures[n >= CUT][4:196, n : n + 256] for n in range(FRAMES)]  # the camera moves
    return encode(tmp_path_factory.mktemp("film") / "film.mp4", images, fps=8)


@pytest.fixture(scope="module")
def dull(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve frames without a face."""
    return encode_numbers(tmp_path_factory.mktemp("dull") / "dull.mp4", 12, fps=8)


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(CONFIG)


@pytest.fixture(scope="module")
def parts(reader: Reader, film: Path) -> list[Chunk | Video]:
    return list(reader.read(reader.fetch(source(film)), IDS))


def source(path: Path) -> records.Source:
    status, now = path.stat(), datetime.now(UTC)
    return records.Source(str(path), status.st_size, str(status.st_mtime_ns), now, now, "scan", "recipe")


def read(reader: Reader, path: Path) -> tuple[list[ClipCut], WholeReading]:
    return split(list(reader.read(reader.fetch(source(path)), IDS)))


def split(parts: list[Chunk | Video]) -> tuple[list[ClipCut], WholeReading]:
    cuts: list[ClipCut] = []
    reading = whole_reading(parts, lambda chunk: cuts.extend(chunk.cuts))
    return cuts, reading


def timeless(reading: WholeReading) -> WholeReading:
    return replace(
        reading, video=replace(reading.video, read_s=0, committed_at=datetime(2026, 1, 1, tzinfo=UTC))
    )


def test_a_film_becomes_rows_that_agree(parts: list[Chunk | Video], film: Path) -> None:
    cuts, reading = split(parts)
    video = reading.video
    assert [(shot.start_frame, shot.start_s) for shot in reading.shots] == [(0, 0.0), (CUT, CUT / 8)]
    assert [track.shot_index for track in reading.tracks] == [0, 1, 1]
    for track in reading.tracks:
        boxes = [box for box in reading.rows_of_boxes if box.track_id == track.track_id]
        frames = [box.frame_index for box in boxes]
        assert frames == sorted(set(frames))
        assert (frames[0], frames[-1], len(frames)) == (track.start_frame, track.end_frame, track.frames)
        assert all((frame >= CUT) == bool(track.shot_index) for frame in frames)
        assert all(box.pts_s == box.frame_index / 8 for box in boxes)
        assert track.frames >= CUT - 1
        of_track = [cut for cut in cuts if cut.record.track_id == track.track_id]
        assert [cut.record.clip_index for cut in of_track] == list(range(len(of_track)))
        assert (track.no_clip_reason is None) == bool(of_track)
        for cut in of_track:
            assert set(cut.record.frame_indices) <= set(frames)
            assert cut.clip.crops_sha256() == cut.record.crops_sha256
    assert (video.tracks, video.faces, video.clips) == (3, len(reading.rows_of_boxes), len(cuts))
    assert video.clips >= 3
    assert (video.width_px, video.height_px, video.fps, video.codec) == (256, 192, 8.0, "h264")
    assert (video.frames_decoded, video.frames_sampled, video.is_partial) == (FRAMES, FRAMES, False)
    assert (video.uri, video.size_bytes, video.scan_id) == (str(film), film.stat().st_size, "scan")
    assert (video.findings, video.describe_s) == (0, 0.0)
    assert video.read_s > 0


def test_reading_again_gives_the_same_bits(parts: list[Chunk | Video], film: Path) -> None:
    cuts, reading = split(parts)
    again, reading_again = read(
        Reader(replace(CONFIG, decoder=DecoderConfig(threads=2), chunk_bytes=1)), film
    )
    assert timeless(reading_again) == timeless(reading)
    assert [cut.record for cut in again] == [cut.record for cut in cuts]
    for ours, theirs in zip(cuts, again, strict=True):
        assert np.array_equal(ours.clip.crops, theirs.clip.crops)


def test_clips_come_as_their_tracks_end(film: Path) -> None:
    # Looking for gradual transitions holds frames back for longer than this film lasts.
    reader = Reader(ReaderConfig(chunk_bytes=1, shots=ShotsConfig(max_transition_s=0)))
    *chunks, video = reader.read(reader.fetch(source(film)), IDS)
    first, *_, last = [chunk for chunk in chunks if isinstance(chunk, Chunk) and chunk.cuts]
    assert CUT / 8 <= first.position_s < last.position_s <= 2.2
    assert first.duration_s == 2.25
    assert isinstance(video, Video)
    assert sum(len(chunk.cuts) for chunk in chunks if isinstance(chunk, Chunk)) == video.clips


@pytest.mark.parametrize("chunk_rows", [1, 7])
def test_rows_are_handed_on_before_the_end_and_are_the_same(
    chunk_rows: int, parts: list[Chunk | Video], film: Path
) -> None:
    config = replace(
        CONFIG,
        chunk_rows=chunk_rows,
        shots=ShotsConfig(max_transition_s=0),
        tracker=replace(CONFIG.tracker, young_s=0.3),
    )
    reader, whole = Reader(config), Reader(replace(config, chunk_rows=1 << 20))
    *chunks, _ = reader.read(reader.fetch(source(film)), IDS)
    boxes = [
        (chunk.position_s, box.pts_s)
        for chunk in chunks
        if isinstance(chunk, Chunk)
        for rows in chunk.rows
        for box in rows.records()
        if isinstance(box, records.Box)
    ]
    if chunk_rows == 1:  # while their track lasts
        assert boxes[0][0] < CUT / 8
        assert max(position_s - pts_s for position_s, pts_s in boxes) < 1.0
    ours, theirs = (timeless(read(one, film)[1]) for one in (reader, whole))
    assert sorted(ours.rows_of_boxes, key=str) == sorted(theirs.rows_of_boxes, key=str)
    assert replace(ours, rows_of_boxes=()) == replace(theirs, rows_of_boxes=())


def test_no_batch_of_clips_grows_with_the_tracks_that_end_at_a_cut(film: Path) -> None:
    reader = Reader(replace(CONFIG, chunk_bytes=1))
    *chunks, video = reader.read(reader.fetch(source(film)), IDS)
    assert isinstance(video, Video)
    assert max(len(chunk.cuts) for chunk in chunks if isinstance(chunk, Chunk)) == 1
    assert video.clips >= 3


def test_a_reader_shows_that_it_lives(dull: Path) -> None:
    reader = Reader(ReaderConfig(heartbeat_s=1e-9))
    *chunks, _ = reader.read(reader.fetch(source(dull)), IDS)
    positions = [chunk.position_s for chunk in chunks if isinstance(chunk, Chunk)]
    assert len(positions) >= 12
    assert positions == sorted(positions)


def test_a_reader_shows_that_it_lives_where_no_frame_is_sampled(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rare = ReaderConfig(decoder=DecoderConfig(sample_fps=0.1), heartbeat_s=1e-9)
    _, expected = read(Reader(rare), film)
    monkeypatch.setattr("workers.video.pyav_decoder.SILENT_S", 0.0)
    reader = Reader(rare)
    *chunks, video = reader.read(reader.fetch(source(film)), IDS)
    assert isinstance(video, Video)
    assert video.frames_sampled == expected.video.frames_sampled == 1
    assert sum(isinstance(chunk, Chunk) and not chunk.rows for chunk in chunks) > 3
    assert [rows.records() for chunk in chunks if isinstance(chunk, Chunk) for rows in chunk.rows]


def test_what_is_handed_on_crosses_processes(parts: list[Chunk | Video]) -> None:
    for part in parts:
        copy = pickle.loads(pickle.dumps(part))
        if isinstance(part, Video):
            assert copy == part
        else:
            assert [cut.record for cut in copy.cuts] == [cut.record for cut in part.cuts]
            assert [rows.records() for rows in copy.rows] == [rows.records() for rows in part.rows]


def test_no_face_is_a_reading_too(reader: Reader, tmp_path: Path) -> None:
    cuts, reading = read(reader, encode_numbers(tmp_path / "v.mp4", 30))
    assert (cuts, reading.tracks, reading.rows_of_boxes) == ([], (), ())
    assert len(reading.shots) == 1
    assert (reading.video.faces, reading.video.frames_sampled) == (0, 10)


def test_damage_is_told(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "v.mkv"
    encode_numbers(path, 50)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    _, reading = read(reader, path)
    assert reading.video.is_partial
    assert reading.video.partial_reason


@pytest.mark.parametrize("content", [b"", b"only words\n" * 100])
def test_no_video_is_the_sources_fault(content: bytes, reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError) as caught:
        read(reader, path)
    assert caught.value.stage == "decode"


def test_a_source_that_vanished_may_return(reader: Reader, tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 5)
    listed = source(path)
    path.rename(tmp_path / "w.mp4")
    with pytest.raises(TransientError, match="disappeared after listing") as caught:
        reader.fetch(listed)
    assert (caught.value.stage, caught.value.error) == ("fetch", "FileNotFoundError")
    (tmp_path / "w.mp4").rename(path)
    fetched = reader.fetch(listed)
    path.unlink()
    with pytest.raises(TransientError, match="disappeared"):
        list(reader.read(fetched, IDS))


def test_a_source_that_changed_is_left_for_the_next_scan(reader: Reader, dull: Path, tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(dull.read_bytes())
    listed = source(path)
    os.utime(path, ns=(0, 0))
    with pytest.raises(TransientError, match="changed after it was listed"):
        reader.fetch(listed)
    fetched = reader.fetch(source(path))
    os.utime(path, ns=(0, 10))
    with pytest.raises(TransientError, match="changed after it was hashed"):
        list(reader.read(fetched, IDS))
    living = Reader(ReaderConfig(heartbeat_s=1e-9))
    parts = living.read(living.fetch(source(path)), IDS)
    assert isinstance(next(parts), Chunk)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(TransientError, match="changed"):
        list(parts)


@pytest.mark.parametrize(
    ("error", "kind"), [(ValueError("a bug"), SourceError), (MemoryError(), TransientError)]
)
def test_what_goes_wrong_with_a_frame_is_a_failure(
    error: Exception, kind: type[Exception], dull: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise error

    reader = Reader(ReaderConfig())
    monkeypatch.setattr(EmbeddedDetector, "detect", fail)
    with pytest.raises(kind, match="frame 0") as caught:
        read(reader, dull)
    assert isinstance(caught.value, SourceError | TransientError)
    assert (caught.value.stage, caught.value.error) == ("detect", type(error).__name__)
    monkeypatch.undo()
    assert read(reader, dull)[1].video.tracks == 0  # the reader itself is none the worse


@pytest.fixture
def spooling(dull: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make every source one that has to be copied before it can be read."""
    spool = tmp_path / "spool"
    spool.mkdir()

    def fetch(uri: str, spool_dir: Path, etag: str | None) -> Fetched:
        path = spool_dir / f"{uri[-1]}.mp4"
        path.write_bytes(dull.read_bytes())
        return Fetched("ab" * 32, path, path.stat().st_size, None, is_spooled=True)

    monkeypatch.setattr(reader_module.archive, "fetch", fetch)
    return spool


def test_copies_are_deleted(spooling: Path) -> None:
    reader = Reader(ReaderConfig(spool_dir=str(spooling), heartbeat_s=1e-9))
    now = datetime.now(UTC)
    first, second = (records.Source(f"s3://b/{name}", None, None, now, now, "s", "r") for name in "ab")

    def copies() -> list[str]:
        return [path.name for path in spooling.glob("*/*")]

    *_, video = reader.read(reader.fetch(first), IDS)
    assert isinstance(video, Video)
    assert video.uri == "s3://b/a"
    assert copies() == []
    reader.fetch(first)  # and then it turns out to be a duplicate
    fetched = reader.fetch(second)
    assert copies() == ["b.mp4"]
    given_up = cast("Generator[Chunk | Video]", reader.read(fetched, IDS))
    next(given_up)
    fetched = reader.fetch(first)
    given_up.close()
    assert copies() == ["a.mp4"]
    list(reader.read(fetched, IDS))
    assert copies() == []


def test_a_copy_that_arrived_short_is_left_for_the_next_scan(spooling: Path, dull: Path) -> None:
    reader, now = Reader(ReaderConfig(spool_dir=str(spooling))), datetime.now(UTC)
    whole = records.Source("s3://b/a", dull.stat().st_size, None, now, now, "s", "r")
    assert reader.fetch(whole).video_id == "ab" * 32
    longer = replace(whole, size_bytes=dull.stat().st_size + 1)
    with pytest.raises(TransientError, match=r"s3://b/a arrived with \d+ bytes and was listed with \d+"):
        reader.fetch(longer)
    reader.leave()
    assert list(spooling.glob("*/*")) == []


def test_of_a_large_object_that_is_no_video_only_the_header_is_transferred(
    spooling: Path, dull: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = spooling / "nothing"
    nothing.write_bytes(b"no video at all" * 1_000_000)
    opened: list[BinaryIO] = []

    def open_source(uri: str, etag: str | None) -> BinaryIO:
        opened.append((dull if uri.endswith("a") else nothing).open("rb"))
        return opened[-1]

    monkeypatch.setattr(reader_module.archive, "open_source", open_source)
    reader, now = Reader(ReaderConfig(spool_dir=str(spooling))), datetime.now(UTC)
    large = dull.stat().st_size
    monkeypatch.setattr(reader_module, "PROBED_FROM_BYTES", large)
    video, no_video, small = (
        records.Source(f"s3://b/film {name}", size, None, now, now, "s", "r")
        for name, size in (("a", large), ("b", large), ("b", None))
    )
    assert reader.fetch(video).path.exists()
    with pytest.raises(SourceError, match="film b: FFmpeg recognises no video container") as caught:
        reader.fetch(no_video)
    assert caught.value.stage == "decode"
    assert list(spooling.glob("*/*")) == []
    assert all(file.closed for file in opened)
    assert reader.fetch(small).path.exists()  # cheaper to transfer than to ask about
    assert len(opened) == 2


def test_an_unknown_setting_is_refused() -> None:
    adapter = TypeAdapter(ReaderConfig)
    assert adapter.validate_python({"decoder": {"sample_fps": 4}}).decoder.sample_fps == 4
    assert adapter.validate_json(adapter.dump_json(ReaderConfig())) == ReaderConfig()
    for values in ({"speed": 1}, {"decoder": {"speed": 1}}, {"shots": {"threshold": 1}}):
        with pytest.raises(ValidationError):
            adapter.validate_python(values)
