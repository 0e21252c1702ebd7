from datetime import UTC, datetime
from typing import Any

from flows.claims import Claims
from storage.records import Source, Video
from workers.outcome import Done, Duplicate, Failed, Job
from workers.reader import Reading

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def job(uri: str) -> Job:
    return Job(Source(uri, 1, "1", NOW, NOW, "scan", "recipe"))


def done(uri: str, video_id: str) -> Done:
    values: dict[str, Any] = {**dict.fromkeys(Video.__dataclass_fields__), "video_id": video_id}
    return Done(job(uri), Reading(video=Video(**values), shots=(), tracks=(), boxes=()), ())


def failed(uri: str, video_id: str | None, *, is_last: bool = True) -> Failed:
    return Failed(job(uri), video_id, "decode", "InvalidDataError", "no frame", False, False, is_last)


def test_a_content_belongs_to_the_first_that_asks_even_when_it_asks_again() -> None:
    claims = Claims({"known"})
    assert claims.claim(job("a"), "x")
    assert not claims.claim(job("b"), "x")
    assert claims.claim(job("a"), "x")
    assert not claims.claim(job("a"), "known")


def test_duplicates_of_what_the_lake_holds_pass_at_once() -> None:
    duplicate = Duplicate(job("a"), "known")
    assert list(Claims({"known"}).settle(duplicate)) == [duplicate]


def test_duplicates_wait_for_the_one_that_reads_and_share_its_end() -> None:
    claims = Claims(set())
    early, late = Duplicate(job("b"), "x"), Duplicate(job("c"), "x")
    assert list(claims.settle(early)) == []
    end = done("a", "x")
    assert list(claims.settle(end)) == [end, early]
    assert list(claims.settle(late)) == [late]


def test_duplicates_of_a_broken_content_fail_too_and_say_why() -> None:
    claims = Claims(set())
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
    claims = Claims(set())
    assert list(claims.settle(Duplicate(job("b"), "x"))) == []
    assert list(claims.settle(Duplicate(job("b"), "x"))) == []
    assert len(list(claims.settle(done("a", "x")))) == 2


def test_an_attempt_that_is_repeated_settles_nothing() -> None:
    claims = Claims(set())
    again = failed("a", "x", is_last=False)
    assert list(claims.settle(Duplicate(job("b"), "x"))) == []
    assert list(claims.settle(again)) == [again]
    assert len(list(claims.settle(done("a", "x")))) == 2
