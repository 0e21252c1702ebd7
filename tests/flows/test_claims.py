from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.claims import Claims
from storage.inventory import Inventory
from storage.lake import Lake
from storage.records import Failure, Source, Video
from tests.storage.rows import RECIPE, video
from workers.outcome import Done, Duplicate, Failed, Job

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def job(uri: str) -> Job:
    return Job(Source(uri, 1, "1", NOW, NOW, "scan", "recipe"))


def done(uri: str, video_id: str) -> Done:
    values: dict[str, Any] = {**dict.fromkeys(Video.__dataclass_fields__), "video_id": video_id}
    return Done(job(uri), Video(**values))


def failed(uri: str, video_id: str | None, *, is_last: bool = True) -> Failed:
    return Failed(job(uri), video_id, "decode", "InvalidDataError", "no frame", False, False, is_last)


def test_a_content_belongs_to_the_first_that_asks_even_when_it_asks_again() -> None:
    claims = Claims({"known"}, {})
    assert claims.claim(job("a"), "x")
    assert not claims.claim(job("b"), "x")
    assert claims.claim(job("a"), "x")
    assert not claims.claim(job("a"), "known")


def test_duplicates_of_what_the_lake_holds_pass_at_once() -> None:
    duplicate = Duplicate(job("a"), "known")
    assert list(Claims({"known"}, {}).settle(duplicate)) == [duplicate]


def test_duplicates_wait_for_the_one_that_reads_and_share_its_end() -> None:
    claims = Claims(set(), {})
    early, late = Duplicate(job("b"), "x"), Duplicate(job("c"), "x")
    assert list(claims.settle(early)) == []
    end = done("a", "x")
    assert list(claims.settle(end)) == [end, early]
    assert list(claims.settle(late)) == [late]


def test_duplicates_of_a_broken_content_fail_too_and_say_why() -> None:
    claims = Claims(set(), {})
    early, late = Duplicate(job("b"), "x"), Duplicate(job("c"), "x")
    assert list(claims.settle(early)) == []
    first, second = claims.settle(failed("a", "x"))
    assert isinstance(first, Failed)
    assert isinstance(second, Failed)
    assert second.job == early.job
    assert second.message == "no frame (same content as a)"
    (third,) = claims.settle(late)
    assert isinstance(third, Failed)
    assert third.job == late.job


def test_a_duplicate_that_comes_again_waits_once() -> None:
    claims = Claims(set(), {})
    assert list(claims.settle(Duplicate(job("b"), "x"))) == []
    assert list(claims.settle(Duplicate(job("b"), "x"))) == []
    assert len(list(claims.settle(done("a", "x")))) == 2


def test_an_attempt_that_is_repeated_settles_nothing() -> None:
    claims = Claims(set(), {})
    again = failed("a", "x", is_last=False)
    assert list(claims.settle(Duplicate(job("b"), "x"))) == []
    assert list(claims.settle(again)) == [again]
    assert len(list(claims.settle(done("a", "x")))) == 2


def failure(
    uri: str,
    video_id: str | None,
    *,
    is_retryable: bool = False,
    minute: int = 0,
    is_quarantined: bool = False,
) -> Failure:
    return Failure(
        *(uri, video_id, "recipe", "scan", 1, "1", "decode", "InvalidDataError", "no frame"),
        attempt=1,
        is_retryable=is_retryable,
        is_quarantined=is_quarantined,
        failed_at=NOW.replace(minute=minute),
    )


def test_a_content_that_failed_for_good_is_not_read_again_under_another_name() -> None:
    claims = Claims(set(), {"x": failure("a", "x", is_quarantined=True)})
    assert not claims.claim(job("b"), "x")
    (end,) = claims.settle(Duplicate(job("b"), "x"))
    assert isinstance(end, Failed)
    assert (end.job, end.video_id, end.error) == (job("b"), "x", "InvalidDataError")
    assert end.message == "no frame (same content as a)"
    assert end.is_last
    assert end.is_quarantined
    assert not end.is_retryable
    claims.restart([job("b")])
    assert not claims.claim(job("b"), "x")


def test_a_touched_source_that_failed_for_good_fails_as_itself() -> None:
    claims = Claims(set(), {"x": failure("a", "x")})
    (end,) = claims.settle(Duplicate(job("a"), "x"))
    assert isinstance(end, Failed)
    assert end.message == "no frame"


def test_the_failure_of_a_copy_names_the_first_source_only() -> None:
    claims = Claims(set(), {"x": replace(failure("b", "x"), message="no frame (same content as a)")})
    (end,) = claims.settle(Duplicate(job("c"), "x"))
    assert isinstance(end, Failed)
    assert end.message == "no frame (same content as a)"


def test_a_result_counts_more_than_a_failure() -> None:
    claims = Claims({"x"}, {"x": failure("a", "x")})
    duplicate = Duplicate(job("b"), "x")
    assert list(claims.settle(duplicate)) == [duplicate]


def test_what_the_lake_knows_of_contents_is_taken_from_their_newest_failure(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    with known(lake, "recipe") as claims:
        assert claims.claim(job("n"), "final")
    lake.append(
        [
            failure("a", "final", is_retryable=True),
            failure("a", "final", minute=1),
            failure("b", "opened again"),
            failure("b", "opened again", minute=1, is_retryable=True),
            failure("c", None),
            *video("read", "/d"),
        ]
    )
    with known(lake, "recipe") as claims:
        assert not claims.claim(job("n"), "final")
        (end,) = claims.settle(Duplicate(job("n"), "final"))
        assert isinstance(end, Failed)
        assert end.message == "no frame (same content as a)"
        assert claims.claim(job("n"), "opened again")
        assert claims.claim(job("n"), "read")
    with known(lake, "another recipe") as claims:
        assert claims.claim(job("n"), "final")
    with known(lake, RECIPE) as claims:
        assert not claims.claim(job("n"), "read")


@contextmanager
def known(lake: Lake, recipe_id: str) -> Generator[Claims]:
    """Return the claims of a scan that begins."""
    with Inventory(lake, recipe_id) as inventory:
        yield Claims(*inventory.contents())
