"""The page that a night leaves: its queries run as they are, and no name in it breaks it."""

import re
from dataclasses import replace
from pathlib import Path

from flows.night import SHOWN_FAILURES, failure_rows, night_markdown
from storage.catalog import Catalog
from storage.lake import Lake
from storage.maintenance import MaintenanceAccount, TableAccount
from tests.flows.test_summary import SUMMARY, failing
from tests.storage.rows import RECIPE, failure, recipe, scan, source, video

ACCOUNT = MaintenanceAccount(
    lake="/lake",
    tables=(TableAccount("boxes", 90, 1, 0, 3), TableAccount("videos", 30, 1, 0, 3)),
    attempts_erased=2,
    pictures_erased=0,
    erasures_finished=0,
    late_receipts=(),
    checks={"counts_match": 0},
    wall_s=1.0,
)


def test_every_query_of_the_page_finds_the_night(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    rows = [recipe(), scan(), source("/a.mp4", video_id="v1"), source("/b.mp4"), failure("/b.mp4")]
    lake.append([*rows, failure("/b.mp4", attempt=0, minutes=9), *video("v1", "/a.mp4")])
    page = night_markdown(replace(SUMMARY, scan_id="scan-1", recipe_id=RECIPE))
    queries = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    assert len(queries) == 4
    found = [Catalog(lake).query(query) for query in queries]
    assert [rows.num_rows for rows in found] == [1, 1, 1, 1]
    assert found[2]["attempts"].to_pylist() == [1]  # to ask for another try is none


def test_the_page_says_what_was_and_warns_where_it_must() -> None:
    page = night_markdown(SUMMARY, ACCOUNT)
    assert "| maintained | 120 files are 2 now, 2 dead tries erased |" in page
    assert "| checks | all pass |" in page
    assert "DOES NOT ADD UP" not in page
    assert "**DOES NOT ADD UP**" in night_markdown(replace(SUMMARY, listed=99))
    assert "**DEMONSTRATION MODEL" in night_markdown(replace(SUMMARY, is_demonstration=True))
    offended = night_markdown(SUMMARY, replace(ACCOUNT, checks={"counts_match": 3, "lists_fit": 0}))
    assert "| checks | **offended: counts_match (3 rows)** |" in offended
    assert "maintained" not in night_markdown(SUMMARY)


def test_no_name_ends_a_cell_or_a_line() -> None:
    page = night_markdown(replace(SUMMARY, lake="/a|b`c\n# d", reasons={"decode: A|B": 2}))
    assert "`/a\\|b'c\\x0a# d`" in page
    assert "| failed | 2 decode: A\\|B |" in page


def test_the_table_of_failures_has_an_end() -> None:
    rows = failure_rows(failing(SHOWN_FAILURES + 5))
    assert len(rows) == SHOWN_FAILURES
    assert set(rows[0]) == {"source", "stage", "error", "message", "new"}
