"""What the describers' answers about one video add up to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from storage.records import Video
from storage.tables import Rows
from workers.evidence import Picture
from workers.rows import rows_by_table

if TYPE_CHECKING:
    from workers.describer import Described


@dataclass(frozen=True, slots=True)
class BatchAccount:
    """What is remembered of a batch of clips when its rows have been passed on.

    Attributes:
        clips: in the batch.
        unanswered: clips of it without answers.
        reason: why the first of those has none.
        findings: rows.
        describe_s: wall-clock seconds in the describer.
    """

    clips: int
    unanswered: int
    reason: str | None
    findings: int
    describe_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """What a describer made of a batch of clips: rows in columns, evidence, and their account."""

    rows: tuple[Rows, ...]
    pictures: tuple[Picture, ...]
    account: BatchAccount

    @classmethod
    def of(cls, described: "Described") -> Self:
        """Return the same in columns.

        Raises:
            SourceError: stage `commit`: a row does not fit its table.
        """
        reasons = [row.no_answer_reason for row in described.clips if row.no_answer_reason is not None]
        account = BatchAccount(
            clips=len(described.clips),
            unanswered=len(reasons),
            reason=reasons[0] if reasons else None,
            findings=len(described.findings),
            describe_s=described.describe_s,
        )
        rows = rows_by_table((*described.clips, *described.answers, *described.findings))
        return cls(rows, described.pictures, account)


def is_mute(accounts: Sequence[BatchAccount]) -> bool:
    """Return whether there are clips, and none has an answer."""
    clips = sum(account.clips for account in accounts)
    return clips > 0 and sum(account.unanswered for account in accounts) == clips


def first_reason(accounts: Sequence[BatchAccount]) -> str:
    """Return why the first clip without answers has none."""
    return next(account.reason for account in accounts if account.reason is not None)


def with_answers(video: Video, accounts: Sequence[BatchAccount]) -> Video:
    """Return a video's row with what was counted of its answers; without some of them it is partial.

    Args:
        video: as its reader left it.
        accounts: of all of its clips, in their order.
    """
    unanswered = sum(account.unanswered for account in accounts)
    if unanswered:
        clips = sum(account.clips for account in accounts)
        lacking = f"{unanswered} of {clips} clips have no answers ({first_reason(accounts)})"
        reason = f"{video.partial_reason}; {lacking}" if video.partial_reason else lacking
        video = replace(video, is_partial=True, partial_reason=reason)
    return replace(
        video,
        findings=sum(account.findings for account in accounts),
        describe_s=sum(account.describe_s for account in accounts),
    )
