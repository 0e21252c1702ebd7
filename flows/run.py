"""One run of a scan: its ids, its lake, its recipe, its counts."""

import json
import time
import uuid
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from types import TracebackType
from typing import Self

from flows.claims import Claims
from flows.committer import Committer
from flows.plan import Plan, Shard
from flows.progress import ScanProgress
from flows.recipe import PinnedRecipe
from flows.request import ScanRequest
from flows.summary import ListedFailure, ScanSummary, Tally
from storage.lake import Lake
from storage.records import RecipeRecord, Scan
from workers.describer import Describer
from workers.fleet import Done, Duplicate, Failed, Fleet, Outcome
from workers.reader import Reader, RowIds

SOFTWARE = (
    "facesift",
    "ai-edge-litert",
    "av",
    "mediapipe",
    "numpy",
    "opencv-python-headless",
    "torch",
    "trackers",
    "transformers",
)
"""Packages that can touch a result; a scan records their versions."""


class ScanRun:
    """What all steps of one scan share: a context manager that starts when the request has been checked.

    A scan that is left without `close` has no `finished_at` in the lake, which is what happened.
    """

    def __init__(self, request: ScanRequest) -> None:
        self.lake: Lake = request.open_lake()
        self.pinned: PinnedRecipe = request.pin()
        self.request = request
        self.scan_id = uuid.uuid4().hex
        self.recipe_id = self.pinned.recipe_id
        self.claims = Claims(self.lake.done_video_ids(self.recipe_id))
        self.tally = Tally()
        self._started_at = datetime.now(UTC)
        self._started_s = time.monotonic()

    def plan(self, progress: ScanProgress) -> list[Shard]:
        """List the archives, record what is new, return what is to be read."""
        plan = Plan(self.lake, self.scan_id, self.recipe_id, self.tally)
        listed = self.request.list_sources()
        shards = plan.shards(listed, limit=self.request.limit, on_listed=progress.listed)
        self.lake.append([self._scan_row(None), *([self._recipe_row()] if shards else [])])
        return shards

    def fleet(self) -> Fleet:
        """Return the workers, not started yet."""
        reader = partial(Reader, self.pinned.recipe.reader)
        describer = partial(Describer, self.pinned.describer())
        return Fleet(self.request.fleet(), reader, describer)

    def new_ids(self) -> RowIds:
        """Return the ids of one more attempt."""
        return RowIds(recipe_id=self.recipe_id, attempt_id=uuid.uuid4().hex, scan_id=self.scan_id)

    def committer(self, shard: Shard, progress: ScanProgress) -> Committer:
        """Return a committer that counts what it has committed."""

        def on_committed(outcome: Outcome) -> None:
            self._count(outcome)
            if not (isinstance(outcome, Failed) and not outcome.is_last):
                shard.settle(outcome.job)
                progress.settled(outcome.job.source.uri)

        return Committer(self.lake, self.scan_id, self.recipe_id, on_committed)

    def close(self) -> ScanSummary:
        """Write the scan's end and return its account."""
        self.lake.append([self._scan_row(datetime.now(UTC))])
        tally = self.tally
        by_status = dict(tally.by_status)
        by_status["pending"] = tally.listed - sum(tally.by_status.values())
        return ScanSummary(
            scan_id=self.scan_id,
            recipe_id=self.recipe_id,
            model_id=self.pinned.model_id,
            is_demonstration=self.pinned.is_demonstration,
            lake=self.request.lake,
            listed=tally.listed,
            by_status=by_status,
            videos_read=tally.videos_read,
            partial=tally.partial,
            faces=tally.faces,
            tracks=tally.tracks,
            clips=tally.clips,
            findings=tally.findings,
            video_s=tally.video_s,
            wall_s=time.monotonic() - self._started_s,
            failures=tuple(tally.failures),
        )
