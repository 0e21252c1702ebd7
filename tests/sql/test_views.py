"""The views over made rows, with every way in which a source can end."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from storage.records import AnswerRecord, Clip, Finding, Record, Video
from tests.storage.rows import RECIPE, at, failure, recipe, scan, source, video

PUBLIC = {
    "sources": "uri, video_id, status, reason, size_bytes, etag, listed_at",
    "videos": "video_id, recipe_id, duration_s, width_px, height_px, fps, codec, rotation_deg, "
    "frames_decoded, faces, tracks, clips, committed_at",
    "tracks": "track_id, video_id, recipe_id, start_s, end_s, frames, quality",
    "boxes": "track_id, video_id, frame_index, pts_s, x_px, y_px, w_px, h_px, score",
    "clips": "clip_id, track_id, video_id, start_s, end_s",
    "answers": "clip_id, question, text, rationale, parse_status, model_id",
    "findings": "clip_id, track_id, video_id, recipe_id, question, label, score",
    "failures": "uri, video_id, stage, error, message, attempt, is_quarantined, failed_at",
    "scans": "scan_id, recipe_id, started_at, finished_at",
    "shots": "video_id, recipe_id, shot_index, start_s",
    "recipes": "recipe_id, model_id, is_demonstration",
}


Select = Callable[..., list[tuple[Any, ...]]]


def statuses(select: Select, rows: Sequence[Record]) -> dict[str, tuple[str, str | None]]:
    found = select("select uri, status, reason from sources", rows)
    return {uri: (status, reason) for uri, status, reason in found}


EVERY_STATUS: list[Record] = [
    recipe(),
    source("/done.mp4"),
    source("/done.mp4", minutes=5, video_id="v1"),
    *video("v1", "/done.mp4", tracks=2),
    source("/no-face.mp4", video_id="v2"),
    *video("v2", "/no-face.mp4", tracks=0),
    source("/part.mp4", video_id="v3"),
    *video("v3", "/part.mp4", partial_reason="ends after 3.0 s"),
    source("/copy.mp4", video_id="v1", minutes=6),
    source("/broken.mp4"),
    failure("/broken.mp4"),
    source("/notes.txt", skip_reason="text, by its ending .txt"),
    source("/new.mp4"),
    source("/unreadable", etag=None),
    failure("/unreadable", etag=None, is_retryable=True),
]


@pytest.mark.parametrize(("view", "columns"), PUBLIC.items(), ids=PUBLIC)
def test_what_others_sql_relies_on_is_there(select: Select, view: str, columns: str) -> None:
    assert len(select(f"select {columns} from main.{view}", EVERY_STATUS)) >= (view != "scans")


def test_every_source_has_one_status_and_its_reason(select: Select) -> None:
    assert statuses(select, EVERY_STATUS) == {
        "/done.mp4": ("done", None),
        "/no-face.mp4": ("no_face", None),
        "/part.mp4": ("done", "partial: ends after 3.0 s"),
        "/copy.mp4": ("duplicate", "same content as /done.mp4"),
        "/broken.mp4": ("failed", "decode: SourceError: no frames in /broken.mp4"),
        "/notes.txt": ("skipped", "text, by its ending .txt"),
        "/new.mp4": ("pending", None),
        "/unreadable": ("failed", "decode: SourceError: no frames in /unreadable"),
    }


def test_coverage_counts_every_status_and_adds_up(select: Select) -> None:
    sql = """
        select listed, done, no_face, failed, duplicate, skipped, pending, adds_up, partial, model_id,
            is_demonstration
        from coverage
    """
    assert select(sql, EVERY_STATUS) == [(8, 2, 1, 2, 1, 1, 1, True, 1, "model-1", True)]


def test_a_duplicate_names_the_source_that_was_read_not_the_first_by_name(select: Select) -> None:
    rows = [
        source("/a.mp4", video_id="v1", minutes=1),
        source("/z.mp4", video_id="v1", minutes=2),
        *video("v1", "/z.mp4"),
    ]
    assert statuses(select, rows) == {
        "/z.mp4": ("done", None),
        "/a.mp4": ("duplicate", "same content as /z.mp4"),
    }


def test_a_copy_takes_over_when_the_source_that_was_read_holds_something_else(select: Select) -> None:
    rows = [
        source("/a.mp4", video_id="v1", minutes=1),
        *video("v1", "/a.mp4"),
        source("/c.mp4", video_id="v1", minutes=3),
        source("/b.mp4", video_id="v1", minutes=4),
        source("/a.mp4", etag="v2", minutes=9),
    ]
    assert statuses(select, rows) == {
        "/a.mp4": ("pending", None),
        "/c.mp4": ("done", None),
        "/b.mp4": ("duplicate", "same content as /c.mp4"),
    }


def test_a_changed_source_is_pending_whatever_its_old_version_was(select: Select) -> None:
    rows = [
        source("/failed.mp4"),
        failure("/failed.mp4"),
        source("/failed.mp4", etag="v2", minutes=9),
        source("/done.mp4", video_id="v1"),
        *video("v1", "/done.mp4"),
        source("/done.mp4", etag="v2", minutes=9),
    ]
    assert statuses(select, rows) == {"/failed.mp4": ("pending", None), "/done.mp4": ("pending", None)}


def test_a_source_that_returns_to_an_old_version_has_its_result_again(select: Select) -> None:
    rows = [
        source("/a.mp4", video_id="v1", minutes=1),
        *video("v1", "/a.mp4"),
        source("/a.mp4", etag="v2", minutes=2),
        source("/a.mp4", etag="v1", minutes=3),
    ]
    assert statuses(select, rows) == {"/a.mp4": ("done", None)}


def test_a_retry_that_succeeded_leaves_no_failure(select: Select) -> None:
    rows = [
        source("/a.mp4"),
        failure("/a.mp4", is_retryable=True),
        source("/a.mp4", minutes=4, video_id="v1"),
        *video("v1", "/a.mp4", attempt_id="attempt-2"),
    ]
    assert statuses(select, rows) == {"/a.mp4": ("done", None)}
    assert select("select * from failures_by_reason") == []
    assert select("select uri, attempt from failures") == [("/a.mp4", 1)]


def test_the_newest_failure_gives_the_reason(select: Select) -> None:
    first = failure("/a.mp4", minutes=2, is_retryable=True)
    second = replace(failure("/a.mp4", minutes=3, attempt=2, is_quarantined=True), error="ReaderDied")
    rows = [source("/a.mp4"), second, first]
    assert statuses(select, rows) == {"/a.mp4": ("failed", "decode: ReaderDied: no frames in /a.mp4")}
    sql = "select failure_attempt, is_quarantined, is_settled from listings"
    assert select(sql) == [(2, True, True)]


def test_a_final_failure_of_a_content_holds_under_its_other_names(select: Select) -> None:
    rows = [
        source("/a.mp4", video_id="v1"),
        failure("/a.mp4", video_id="v1"),
        source("/b.mp4", video_id="v1"),
        source("/c.mp4", video_id="v2"),
        failure("/c.mp4", video_id="v2", is_retryable=True),
        source("/d.mp4", video_id="v2"),
    ]
    assert {uri: status for uri, (status, _) in statuses(select, rows).items()} == {
        "/a.mp4": "failed",
        "/b.mp4": "failed",
        "/c.mp4": "failed",
        "/d.mp4": "pending",
    }
    settled = select("select uri from listings where is_settled order by uri")
    assert settled == [("/a.mp4",), ("/b.mp4",)]


def test_content_that_another_run_found_out_is_known(select: Select) -> None:
    rows = [
        source("/a.mp4", video_id="v1", recipe_id="recipe-1", minutes=1),
        source("/a.mp4", recipe_id="recipe-2", minutes=2),
        *video("v1", "/a.mp4", recipe_id="recipe-2"),
    ]
    assert select("select recipe_id, video_id, status from listings order by 1", rows) == [
        ("recipe-1", "v1", "pending"),
        ("recipe-2", "v1", "done"),
    ]


def test_each_recipe_has_its_own_results_and_coverage(select: Select) -> None:
    rows = [
        recipe("recipe-1", is_demonstration=True),
        recipe("recipe-2", is_demonstration=False),
        source("/a.mp4", video_id="v1"),
        source("/b.mp4"),
        failure("/b.mp4"),
        *video("v1", "/a.mp4"),
        source("/a.mp4", recipe_id="recipe-2", minutes=9),
        *video("v1", "/a.mp4", recipe_id="recipe-2", tracks=0),
    ]
    sql = (
        "select recipe_id, listed, done, no_face, failed, adds_up, is_demonstration from coverage order by 1"
    )
    assert select(sql, rows) == [
        ("recipe-1", 2, 1, 0, 1, True, True),
        ("recipe-2", 1, 0, 1, 0, True, False),
    ]
    assert select("select uri, recipe_id, status from sources order by 1") == [
        ("/a.mp4", "recipe-2", "no_face"),
        ("/b.mp4", "recipe-1", "failed"),
    ]
    assert select("select recipe_id, people_at_once from video_summary order by 1") == [
        ("recipe-1", 1),
        ("recipe-2", 0),
    ]


def test_a_recipe_that_only_lists_hides_nothing_that_another_one_found_out(select: Select) -> None:
    rows = [
        source("/read.mp4", video_id="v1"),
        *video("v1", "/read.mp4"),
        source("/broken.mp4"),
        failure("/broken.mp4"),
        source("/changed.mp4", video_id="v2"),
        *video("v2", "/changed.mp4"),
        source("/new.mp4"),
        *(source(f"/{name}.mp4", recipe_id="recipe-0", minutes=9) for name in ("read", "broken", "new")),
        source("/changed.mp4", recipe_id="recipe-0", minutes=9, etag="v2"),
    ]
    assert select("select uri, recipe_id, status, etag from sources order by 1", rows) == [
        ("/broken.mp4", "recipe-1", "failed", "v1"),
        ("/changed.mp4", "recipe-0", "pending", "v2"),
        ("/new.mp4", "recipe-0", "pending", "v1"),
        ("/read.mp4", "recipe-1", "done", "v1"),
    ]


CHILDREN = ("shots", "tracks", "boxes", "clips", "answers", "findings")


def test_rows_of_an_attempt_that_crashed_are_not_seen(select: Select) -> None:
    rows = [source("/a.mp4", video_id="v1"), *video("v1", "/a.mp4")[:-1]]
    for view in CHILDREN:
        assert select(f"from {view}", rows if view == "shots" else None) == []
        assert select(f"from raw.{view}") != []
    assert select("select status from sources") == [("pending",)]


def test_of_two_attempts_the_first_commit_counts_and_then_the_lower_id(select: Select) -> None:
    rows = [
        *video("v1", "/a.mp4", attempt_id="attempt-1", minutes=7, tracks=3),
        *video("v1", "/a.mp4", attempt_id="attempt-3", minutes=5, tracks=2),
        *video("v1", "/a.mp4", attempt_id="attempt-2", minutes=5),
        *video("v1", "/a.mp4", attempt_id="attempt-0", minutes=1)[:-1],
    ]
    for view in CHILDREN:
        seen = select(f"select distinct attempt_id from {view}", rows if view == "shots" else None)
        assert seen == [("attempt-2",)]
    assert select("select attempt_id, tracks from videos") == [("attempt-2", 1)]
    assert select("from checks.keys_are_unique") == []


def test_a_scan_is_as_it_was_written_last(select: Select) -> None:
    rows = [scan(), scan(finished_at=at(30)), replace(scan(), scan_id="scan-2")]
    assert select("select scan_id, finished_at from scans order by 1", rows) == [
        ("scan-1", at(30)),
        ("scan-2", None),
    ]


def test_a_clip_is_summed_up(select: Select) -> None:
    rows = [recipe(), *video("v1", "/a.mp4", deepfake=(0.25,))]
    sql = """
        select expression, expression_score, age_years, age_spread_years, action_units, attributes,
            deepfake_score, model_id, is_demonstration
        from clip_summary
    """
    expected = ("happiness", 0.7, 31.5, 4.0, ["AU6", "AU12"], ["smiling"], 0.25, "model-1", True)
    assert select(sql, rows) == [expected]


def test_what_was_not_asked_is_null_and_what_is_absent_is_an_empty_list(select: Select) -> None:
    low = [
        replace(row, score=0.1) if isinstance(row, Finding) and row.question == "action_units" else row
        for row in video("v1", "/a.mp4")
        if not (isinstance(row, Finding) and row.question in ("attributes", "deepfake", "age"))
    ]
    sql = "select action_units, attributes, deepfake_score, age_years from clip_summary"
    assert select(sql, low) == [([], None, None, None)]
    assert select("select deepfake_score, expressions from video_summary") == [(None, ["happiness"])]


def test_one_fake_face_among_many_is_not_averaged_away(select: Select) -> None:
    rows = video("v1", "/a.mp4", tracks=10, clips=2, deepfake=(0.1,) * 9 + (0.97,))
    sql = """
        select deepfake_score, deepfake_track_id, tracks_scored, people_at_once, tracks_described, expressions
        from video_summary
    """
    assert select(sql, rows) == [(0.97, "v1-recipe-1-t0009", 10, 10, 10, ["happiness"])]
    suspicious = (
        "select deepfake_score, deepfake_score_mean, clips from track_summary order by 1 desc limit 1"
    )
    assert select(suspicious) == [(0.97, 0.97, 2)]


def test_one_fake_clip_of_a_track_is_not_averaged_away(select: Select) -> None:
    rows = [
        replace(row, score=0.9)
        if isinstance(row, Finding) and row.label == "fake" and row.clip_id.endswith("c01")
        else row
        for row in video("v1", "/a.mp4", clips=3, deepfake=(0.1,))
    ]
    sql = "select deepfake_score, round(deepfake_score_mean, 3), deepfake_clip_id from track_summary"
    assert select(sql, rows) == [(0.9, 0.367, "v1-recipe-1-t0000-c01")]
    assert select("select deepfake_score from video_summary") == [(0.9,)]


def test_clips_without_answers_are_counted(select: Select) -> None:
    """Of two tracks with two clips each: one clip of the first, both of the second."""
    reason = "generate: CUDA out of memory"
    rows: list[Record] = [recipe(), source("/a.mp4", video_id="v1")]
    for row in video("v1", "/a.mp4", tracks=2, clips=2):
        is_answered = isinstance(row, Clip | AnswerRecord | Finding) and row.clip_id.endswith("t0000-c01")
        if isinstance(row, Clip):
            rows.append(row if is_answered else replace(row, no_answer_reason=reason))
        elif is_answered or not isinstance(row, AnswerRecord | Finding):
            rows.append(row)
    assert select("select clip_id, no_answer_reason from clip_summary order by 1", rows) == [
        ("v1-recipe-1-t0000-c00", reason),
        ("v1-recipe-1-t0000-c01", None),
        ("v1-recipe-1-t0001-c00", reason),
        ("v1-recipe-1-t0001-c01", reason),
    ]
    assert select("select clips, clips_unanswered, expression from track_summary order by track_id") == [
        (2, 1, "happiness"),
        (2, 2, None),
    ]
    sql = "select clips, clips_unanswered, tracks_described, tracks_scored from video_summary"
    assert select(sql) == [(4, 3, 1, 1)]
    assert select("select clips, clips_unanswered, done, adds_up from coverage") == [(4, 3, 1, True)]


def test_the_questions_of_a_recipe_are_listed(select: Select) -> None:
    sql = "select recipe_id, question, kind, view, prompt, labels from questions"
    assert select(sql, [recipe(questions={"gaze": "single_label"})]) == [
        ("recipe-1", "gaze", "single_label", "clip", "How?", ["happiness"])
    ]


def test_a_video_without_faces_has_no_verdict(select: Select) -> None:
    sql = "select deepfake_score, tracks_scored, faces, expressions, age_years_max from video_summary"
    assert select(sql, video("v1", "/a.mp4", tracks=0)) == [(None, 0, 0, None, None)]


def test_a_track_without_clips_is_there_without_findings(select: Select) -> None:
    sql = "select clips, expression, deepfake_score from track_summary"
    assert select(sql, video("v1", "/a.mp4", clips=0)) == [(0, None, None)]


def test_failures_are_counted_by_reason(select: Select) -> None:
    rows = [
        recipe(),
        *(source(f"/{name}.mp4") for name in "abc"),
        failure("/a.mp4"),
        failure("/b.mp4", is_quarantined=True),
        replace(failure("/c.mp4", is_retryable=True), stage="fetch", error="PermissionError"),
    ]
    sql = """
        select stage, error, sources, retryable, quarantined, example_uri, example_message, is_demonstration
        from failures_by_reason
    """
    assert select(sql, rows) == [
        ("decode", "SourceError", 2, 0, 1, "/a.mp4", "no frames in /a.mp4", True),
        ("fetch", "PermissionError", 1, 1, 0, "/c.mp4", "no frames in /c.mp4", True),
    ]


def test_the_model_of_a_finding_says_whether_it_is_a_demonstration(select: Select) -> None:
    rows = [recipe(is_demonstration=True), *video("v1", "/a.mp4")]
    for view in ("findings", "answers", "clip_summary", "track_summary", "video_summary"):
        sql = f"select distinct model_id, is_demonstration from {view}"
        assert select(sql, rows if view == "findings" else None) == [("model-1", True)]


def test_a_video_committed_twice_under_one_attempt_is_one_row(select: Select) -> None:
    rows = video("v1", "/a.mp4")
    assert isinstance(rows[-1], Video)
    assert select("select count(*) from videos", [*rows, rows[-1]]) == [(1,)]
    assert select(f"select count(*) from tracks where recipe_id = '{RECIPE}'") == [(1,)]
