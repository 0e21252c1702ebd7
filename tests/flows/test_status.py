import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from flows.display.output import to_json
from flows.status import Status, print_status, read_status
from flows.summary import DEMONSTRATION_NOTICE
from storage.catalog import Catalog
from storage.records import AnswerRecord, Box, Clip, Finding, Record, Video
from tests.storage.rows import MadeTables, failure, recipe, source, video

HOSTILE = "/a\n\x1b[31m'\"<script>\u202e4pm.mp4"

ROWS: list[Record] = [
    recipe(),
    source("/done.mp4", video_id="v1"),
    *video("v1", "/done.mp4", tracks=2, partial_reason="ends after 3.0 s"),
    source("/copy.mp4", video_id="v1", minutes=9),
    source(HOSTILE),
    failure(HOSTILE, is_retryable=True),
    source("/killer.mp4"),
    replace(failure("/killer.mp4", is_quarantined=True), error="ReaderDied"),
    source("/new.mp4"),
]


def status(tmp_path: Path, rows: Sequence[Record]) -> Status:
    return read_status(Catalog(MadeTables(tmp_path, rows)))


def printed(found: Status) -> str:
    out = Console(file=io.StringIO(), width=10_000, highlight=False)
    print_status(found, out)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def test_a_status_tells_people_what_became_of_the_sources(tmp_path: Path) -> None:
    found = status(tmp_path, ROWS)
    assert found.adds_up
    text = printed(found)
    assert text.splitlines()[:4] == [
        DEMONSTRATION_NOTICE,
        "recipe recipe-1, model model-1",
        "  5 listed = 1 done, 0 no_face, 2 failed, 1 duplicate, 0 skipped, 1 pending",
        "  1 read only in part",
    ]
    assert "  1 failed in decode: ReaderDied (final, 1 quarantined)\n    such as /killer.mp4\n" in text
    assert "  1 failed in decode: SourceError (1 to be tried again)\n" in text


def test_what_is_final_is_told_from_what_is_tried_again(tmp_path: Path) -> None:
    failed = [failure("/a.mp4", is_retryable=True), failure("/b.mp4"), failure("/c.mp4")]
    text = printed(status(tmp_path, [recipe(), *(source(one.uri) for one in failed), *failed]))
    assert "  3 failed in decode: SourceError (1 to be tried again, 2 final)\n" in text


def test_a_hostile_name_stays_on_its_line(tmp_path: Path) -> None:
    text = printed(status(tmp_path, ROWS))
    assert "    such as /a\\x0a\\x1b[31m'\"<script>\\x202e4pm.mp4\n" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_status_tells_programs_the_same(tmp_path: Path) -> None:
    values = json.loads(to_json(status(tmp_path, ROWS).as_dict()))
    assert values["notice"] == DEMONSTRATION_NOTICE
    assert values["adds_up"]
    assert values["failed_checks"] == {}
    assert values["coverage"][0]["duplicate"] == 1
    assert {row["example_uri"] for row in values["failures_by_reason"]} == {HOSTILE, "/killer.mp4"}


def test_each_recipe_has_its_failures_below_it(tmp_path: Path) -> None:
    rows = [
        recipe("recipe-1"),
        source("/a.mp4", recipe_id="recipe-1"),
        recipe("recipe-2", is_demonstration=False),
        source("/b.mp4", recipe_id="recipe-2"),
        failure("/b.mp4", recipe_id="recipe-2"),
    ]
    text = printed(status(tmp_path, rows))
    of_first, of_second = sorted(text.split("\nrecipe ")[1:])
    assert "failed in" not in of_first
    assert "failed in decode" in of_second


def test_clips_without_answers_are_told(tmp_path: Path) -> None:
    rows = [
        replace(row, no_answer_reason="out of memory")
        if isinstance(row, Clip)
        else replace(row, findings=0)
        if isinstance(row, Video)
        else row
        for row in ROWS
        if not isinstance(row, AnswerRecord | Finding)
    ]
    found = status(tmp_path, rows)
    assert found.failed_checks == {}
    assert "  2 of 2 clips have no answers; clips.no_answer_reason says why\n" in printed(found)


def test_a_check_that_finds_something_is_told(tmp_path: Path) -> None:
    rows = [replace(row, score=1.5) if isinstance(row, Box) else row for row in ROWS]
    found = status(tmp_path, rows)
    assert found.failed_checks == {"scores_in_range": 4}
    assert not found.adds_up
    assert printed(found).endswith("check scores_in_range found 4 rows\n")


def test_an_empty_lake_has_a_status(tmp_path: Path) -> None:
    found = status(tmp_path, [])
    assert found.adds_up
    assert not found.is_demonstration
    assert printed(found) == "nothing has been listed yet\n"
    assert json.loads(to_json(found.as_dict()))["coverage"] == []


def test_before_the_first_result_the_model_is_not_known(tmp_path: Path) -> None:
    assert "recipe recipe-1, model none yet\n" in printed(status(tmp_path, [source("/a.mp4")]))
