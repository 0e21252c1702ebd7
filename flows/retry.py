"""Asking that what failed for good is tried again."""

from datetime import UTC, datetime
from typing import Any

from storage.catalog import Catalog
from storage.lake import Lake
from storage.patterns import meant_by
from storage.records import Failure


def requeue(
    lake: Lake, *, reason: str | None = None, source: str | None = None, recipe_id: str | None = None
) -> list[Failure]:
    """Let the next scan try sources again that failed for good or are in quarantine.

    Nothing is deleted: each gets one more row in `failures`, of attempt 0, which says that it can be retried.

    Args:
        lake: that they are in.
        reason: words of `stage: error: message`, upper or lower case; None takes every reason.
        source: pattern, as `*/night/*.mp4`, or a whole uri; see `storage.patterns.meant_by`. None takes every
            source.
        recipe_id: under which they failed; None takes every recipe.

    Returns:
        The rows that were written.
    """
    equal_to = {} if recipe_id is None else {"recipe_id": recipe_id}
    listings = Catalog(lake).view("listings", status="failed", is_settled=True, **equal_to).to_pylist()
    is_meant = meant_by(source or "*", {listing["uri"] for listing in listings}.__contains__)
    rows = [
        _again(listing)
        for listing in listings
        if (reason is None or reason.casefold() in listing["reason"].casefold()) and is_meant(listing["uri"])
    ]
    if rows:
        lake.append(rows)
    return rows


def _again(listing: dict[str, Any]) -> Failure:
    return Failure(
        uri=listing["uri"],
        video_id=listing["video_id"],
        recipe_id=listing["recipe_id"],
        scan_id=listing["scan_id"],
        size_bytes=listing["size_bytes"],
        etag=listing["etag"],
        stage=listing["failure_stage"],
        error=listing["failure_error"],
        message=listing["failure_message"],
        attempt=0,
        is_retryable=True,
        is_quarantined=False,
        failed_at=datetime.now(UTC),
    )
