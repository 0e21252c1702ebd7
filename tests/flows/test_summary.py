import io
import json
from dataclasses import replace

from rich.console import Console

from flows.summary import SHOWN_FAILURES, ListedFailure, ScanSummary, print_summary

SUMMARY = ScanSummary(
    scan_id="s1",
    recipe_id="r1",
    model_id="model-1",
    is_demonstration=False,
    lake="/lake",
    listed=1204,
    planned=1203,
    by_status={"done": 1200, "no_face": 3, "failed": 0, "duplicate": 0, "skipped": 1, "pending": 0},
    videos_read=1203,
    partial=0,
    faces=12345,
    tracks=2400,
    clips=2500,
    findings=100,
    video_s=5000.0,
    wall_s=2500.0,
)


def printed(summary: ScanSummary) -> str:
    out = io.StringIO()
    print_summary(summary, Console(file=out, width=10_000))
    return out.getvalue()


def failing(number: int, **changed: str) -> ScanSummary:
    failure = ListedFailure("/a/film.mp4", "decode", "InvalidDataError", "no frame", is_new=True)
    failures = tuple(replace(failure, uri=f"/a/{n:02d}.mp4", **changed) for n in range(number))
    by_status = SUMMARY.by_status | {"done": 1200 - number, "failed": number}
    reasons = {f"{failures[0].stage}: {failures[0].error}": number}
    return replace(SUMMARY, by_status=by_status, failures=failures, reasons=reasons)


def test_a_scan_that_went_well_is_told_in_a_few_lines() -> None:
    assert printed(SUMMARY).splitlines() == [
        "lake     /lake",
        "recipe   r1, model model-1",
        "sources  1,204 listed = 1,200 done, 3 no_face, 0 failed, 0 duplicate, 1 skipped, 0 pending",
        "videos   1,203 read",
        "faces    12,345 in 2,400 tracks",
        "clips    2,500 with 100 findings",
        "time     5,000.0 s of video in 2,500.0 s (2.00 s per second)",
    ]
    assert SUMMARY.exit_code == 0


def test_what_a_scan_has_taken_is_told_per_hour_of_video_and_per_clip() -> None:
    paid = replace(SUMMARY, cpu_s=10_000.0, gpu_s=1250.0, gpu_held_s=2500.0)
    assert printed(paid).splitlines()[-1] == (
        "cost     10,000.0 CPU s, 1,250.0 GPU s (50% of those held); "
        "per hour of video 7,200.0 CPU s and 900.00 GPU s; per clip 4.0 CPU s and 0.50 GPU s"
    )
    assert paid.as_dict()["cost"]["gpu_s_per_video_hour"] == 900
    still = replace(paid, gpu_s=0.0, gpu_held_s=0.0, clips=0, video_s=0.0)
    assert printed(still).splitlines()[-1] == "cost     10,000.0 CPU s"
    assert set(still.cost.values()) == {None}


def test_every_kind_of_failure_is_counted_and_the_first_are_shown() -> None:
    summary = failing(SHOWN_FAILURES + 5)
    other = replace(summary.failures[0], uri="/a/zz.mp4", stage="commit", error="ValueError")
    summary = replace(
        summary,
        by_status=summary.by_status | {"failed": 26},
        failures=(*summary.failures, other),
        reasons=summary.reasons | {"commit: ValueError": 1},
    )
    text = printed(summary)
    assert "failures 25 decode: InvalidDataError, 1 commit: ValueError\n" in text
    assert "failed (26)\n" in text
    assert "  /a/00.mp4\n    decode: InvalidDataError: no frame\n" in text
    assert "/a/19.mp4" in text
    assert "/a/20.mp4" not in text
    assert "  and 6 more: facesift query 'from failures' --lake /lake\n" in text
    assert summary.exit_code == 1


def test_a_name_that_is_no_line_stays_on_one() -> None:
    text = printed(failing(1, message="bad\nheader [red]\x1b[31m"))
    assert "    decode: InvalidDataError: bad\\x0aheader [red]\\x1b[31m\n" in text


def test_what_was_read_in_part_is_told() -> None:
    assert "videos   1,203 read, 7 only in part\n" in printed(replace(SUMMARY, partial=7))


def test_a_demonstration_says_so_first_and_in_json() -> None:
    demonstration = replace(SUMMARY, is_demonstration=True)
    assert printed(demonstration).startswith("DEMONSTRATION MODEL: ")
    assert demonstration.as_dict()["notice"].startswith("DEMONSTRATION MODEL: ")
    assert "notice" not in SUMMARY.as_dict()


def test_a_scan_with_nothing_to_do_says_so() -> None:
    idle = replace(SUMMARY, planned=0, videos_read=0, video_s=0.0, wall_s=0.0)
    assert printed(idle).startswith("Nothing to do: the lake knows every source already.\n")
    assert "Nothing to do" not in printed(replace(idle, listed=0, by_status={}))


def test_what_does_not_add_up_is_told_and_fails() -> None:
    lost = replace(SUMMARY, listed=1205)
    assert "  DOES NOT ADD UP\n" in printed(lost)
    assert lost.exit_code == 1


def test_json_holds_all_of_it() -> None:
    values = json.loads(json.dumps(failing(2).as_dict()))
    assert values["listed"] == 1204
    assert values["exit_code"] == 1
    assert values["failures_by_reason"] == {"decode: InvalidDataError": 2}
    assert values["failures"][0]["uri"] == "/a/00.mp4"
