from collections.abc import Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import pytest
from av.packet import Packet

from tests.workers.videos import encode_numbers
from workers.video.demuxer import Demuxer
from workers.video.frames import DecoderConfig
from workers.video.numbering import VideoPacket
from workers.video.survey import Survey, credible, survey_of


def surveyed(path: Path) -> Survey:
    with closing(Demuxer(path, DecoderConfig())) as demuxer:
        return survey_of(demuxer, 1000)


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("v.mp4", {}, Survey(30, 0, 0, 2, is_reordered=True)),
        ("plain.mp4", {"options": {"bf": "0"}}, Survey(30, 0, 0, 0, is_reordered=False)),
        ("v.avi", {}, Survey(30, 0, 0, 0, is_reordered=True)),
        ("v.h264", {}, Survey(30, 30, 0, 0, is_reordered=True)),
    ],
)
def test_what_is_seen_of_a_file(name: str, options: dict[str, Any], expected: Survey, tmp_path: Path) -> None:
    assert surveyed(encode_numbers(tmp_path / name, 30, **options)) == expected


@pytest.mark.parametrize(
    ("survey", "tells_order"),
    [
        (Survey(9, 0, 0, 0, is_reordered=False), True),
        (Survey(9, 0, 3, 0, is_reordered=False), True),
        (Survey(9, 0, 0, 2, is_reordered=True), True),
        (Survey(9, 0, 0, 16, is_reordered=True), True),
        (Survey(9, 1, 0, 2, is_reordered=True), False),
        (Survey(9, 0, 1, 2, is_reordered=True), False),
        (Survey(9, 0, 0, 17, is_reordered=True), False),
        (Survey(9, 0, 0, 0, is_reordered=True), False),
        (Survey(9, 0, 0, 1, is_reordered=False), False),
    ],
)
def test_timestamps_tell_the_order_where_nothing_speaks_against_it(survey: Survey, tells_order: bool) -> None:
    assert survey.tells_order == tells_order


@pytest.mark.parametrize(
    ("timestamps", "expected"),
    [
        ([0, 40, 99_000, 120, 160], [0, 40, None, 120, 160]),
        ([90_000, 90_040, 5, 90_120], [90_000, 90_040, None, 90_120]),
        ([0, 40, None, 120], [0, 40, None, 120]),
        ([0, 40, 99_000, 99_040], [0, 40, 99_000, 99_040]),  # nobody was there
        ([0, 99_000, 99_040, 0, 40], [0, 99_000, 99_040, 0, 40]),  # another recording
        ([0, 67, 30_100, 33, 30_033, 30_067], [0, 67, 30_100, 33, 30_033, 30_067]),  # a pause amid B-frames
        ([0, 17_000, 1000, 2000], [0, 17_000, 1000, 2000]),  # slides, stored before those that they follow
    ],
)
def test_a_timestamp_that_cannot_be_is_taken_away(
    timestamps: Sequence[int | None], expected: list[int | None]
) -> None:
    packets: list[VideoPacket] = []
    for pts in timestamps:
        packet = Packet(b"1")
        packet.pts = pts
        packets.append(cast("VideoPacket", packet))
    assert [packet.pts for packet in credible(iter(packets), Fraction(1, 1000))] == expected
