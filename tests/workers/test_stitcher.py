"""Videos read by several readers in spans, against the same videos read in one piece."""

import itertools
import pickle
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.synthetic.scene import sample_shot
from storage import records
from tests.workers.readings import WholeReading, whole_reading
from tests.workers.videos import Image, encode, encode_numbers, overwrite, packets_of
from workers.clipper import ClipperConfig
from workers.reader import Chunk, ClipCut, Reader, ReaderConfig, RowIds
from workers.sight import Sights
from workers.video.decoder import DecoderConfig
from workers.video.spans import UnsplittableError

IDS = RowIds("1b4f0e9851971998", "attempt", "scan")
CONFIG = ReaderConfig(
    decoder=DecoderConfig(span_s=0.6),
    clipper=ClipperConfig(window_s=1.0, stride_s=1.0),
    sights_bytes=1 << 18,
)
SHOTS = (13, 9, 12)
"""Frames of the shots: cuts lie in spans and near their ends, faces move over all seams between."""


@pytest.fixture(scope="module")
def images() -> list[Image]:
    rng = np.random.default_rng(3)
    shots = [sample_shot(rng, size_px=(280, 200), seconds=4.0, people=people) for people in (1, 2, 1)]
    pictures = [shot.picture_at(0.0, 0)[0] for shot in shots]
    places = [(shot, n) for shot, frames in enumerate(SHOTS) for n in range(frames)]
    return [pictures[shot][4:196, n : n + 256] for shot, n in places]  # the camera moves


@pytest.fixture(scope="module")
def readers() -> list[Reader]:
    return [Reader(CONFIG), Reader(CONFIG)]


def source(path: Path) -> records.Source:
    status, now = path.stat(), datetime.now(UTC)
    return records.Source(str(path), status.st_size, str(status.st_mtime_ns), now, now, "scan", "recipe")


def split(parts: Sequence[Chunk | records.Video]) -> tuple[list[ClipCut], WholeReading]:
    cuts: list[ClipCut] = []
    reading = whole_reading(parts, lambda chunk: cuts.extend(chunk.cuts))
    video = replace(reading.video, read_s=0, committed_at=datetime(2026, 1, 1, tzinfo=UTC))
    return cuts, replace(reading, video=video)


def read_whole(reader: Reader, path: Path) -> tuple[list[ClipCut], WholeReading]:
    return split(list(reader.read(reader.fetch(source(path)), IDS)))


def read_in_spans(readers: Sequence[Reader], path: Path) -> tuple[list[ClipCut], WholeReading]:
    """Let readers take turns with the spans, the last spans first, and put them together in order."""
    owner, *_ = readers
    fetched = owner.fetch(source(path))
    spans = owner.spans(fetched)
    assert spans is not None
    stitcher = owner.stitch(fetched, IDS, spans)
    seen: dict[int, list[Sights]] = {}
    for reader, number in zip(itertools.cycle(reversed(readers)), itertools.count()):
        joined = reader.join(source(path), fetched, is_here=True)
        seen[number] = list(reader.look(joined, spans, number))
        if (end := seen[number][-1].end) and end.facts:
            break
    assert sum(bool(sights.sights) for stretches in seen.values() for sights in stretches) > 2
    stretches = [stretch for number in sorted(seen) for stretch in seen[number]]
    chunks = [chunk for stretch in stretches for chunk in stitcher.add(pickle.loads(pickle.dumps(stretch)))]
    return split([*chunks, *stitcher.finish()])


ALTREF = {"auto-alt-ref": "1", "lag-in-frames": "16", "g": "8", "b": "400k"}
VIDEOS: dict[str, dict[str, Any]] = {
    "closed.mp4": {"options": {"g": "5", "bf": "2"}},
    "open.ts": {"options": {"x264-params": "open-gop=1:bframes=3:b-pyramid=normal:keyint=5"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": ALTREF},
    "variable.mkv": {
        "pts": [n * 125 + (n * 37) % 60 for n in range(sum(SHOTS))],
        "options": {"g": "6"},
    },
}


@pytest.mark.parametrize("name", VIDEOS)
def test_in_spans_comes_what_comes_in_one_piece(
    name: str, images: list[Image], readers: list[Reader], tmp_path: Path
) -> None:
    options: dict[str, Any] = {"fps": 1000 if "pts" in VIDEOS[name] else 8} | VIDEOS[name]
    path = encode(tmp_path / name, images, **options)
    whole_cuts, whole = read_whole(readers[0], path)
    cuts, reading = read_in_spans(readers, path)
    assert len(whole.shots) == 3
    assert whole.video.tracks >= 4
    assert whole_cuts
    assert reading == whole
    assert [cut.record for cut in cuts] == [cut.record for cut in whole_cuts]
    for ours, theirs in zip(cuts, whole_cuts, strict=True):
        assert np.array_equal(ours.clip.crops, theirs.clip.crops)


def test_a_span_can_be_looked_at_again_from_where_it_was_left(
    images: list[Image], readers: list[Reader], tmp_path: Path
) -> None:
    path = encode(tmp_path / "v.mp4", images, fps=8, options={"g": "16", "sc_threshold": "0"})
    reader = readers[0]
    fetched = reader.fetch(source(path))
    spans = reader.spans(fetched)
    assert spans is not None
    first, *rest = reader.look(fetched, replace(spans, length_s=1.5), 0)
    again = list(readers[1].look(fetched, replace(spans, length_s=1.5), 0, first.sights[-1].index))
    expected, found = ([s.index for part in parts for s in part.sights] for parts in (rest, again))
    assert found == expected
    assert len(found) > 2
    assert again[-1].end == rest[-1].end


def test_short_videos_are_not_divided(tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 20, fps=8)
    for span_s, is_divided in ((1.0, True), (1.3, False)):
        reader = Reader(replace(CONFIG, decoder=DecoderConfig(span_s=span_s)))
        assert (reader.spans(reader.fetch(source(path))) is not None) == is_divided


def test_damage_asks_for_one_piece(readers: list[Reader], tmp_path: Path) -> None:
    path = encode_numbers(tmp_path / "v.mp4", 60, fps=8)
    for packet in packets_of(path)[30:33]:
        overwrite(path, packet.pos or 0, packet.size)
    with pytest.raises(UnsplittableError):
        read_in_spans(readers, path)
    _, reading = read_whole(readers[0], path)
    assert reading.video.is_partial


def test_seams_that_differ_ask_for_one_piece(readers: list[Reader], tmp_path: Path) -> None:
    paths = [
        encode_numbers(tmp_path / name, 40, fps=8, options={"g": "8", "crf": crf})
        for name, crf in (("a.mp4", "20"), ("b.mp4", "40"))
    ]
    owner = readers[0]
    fetched = [owner.fetch(source(path)) for path in paths]
    spans = owner.spans(fetched[1])
    assert spans is not None
    stitcher = owner.stitch(fetched[1], IDS, spans)
    stretches = [*owner.look(fetched[1], spans, 0), *readers[1].look(fetched[0], spans, 1)]
    with pytest.raises(UnsplittableError, match="cannot be decoded by itself"):
        [list(stitcher.add(stretch)) for stretch in stretches]
