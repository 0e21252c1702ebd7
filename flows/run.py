"""One run of a scan: its ids, its lake, its recipe, its counts."""

import json
import time
import uuid
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version

from flows.claims import Claims
from flows.committer import Committer
from flows.plan import Plan, Shard
from flows.progress import ScanProgress
from flows.recipe import PinnedRecipe
from flows.request import ScanRequest
from flows.summary import STATUSES, ListedFailure, ScanSummary, Tally
from storage.catalog import Catalog
from storage.lake import Lake
from storage.records import RecipeRecord, Scan
from workers.describer import Describer
from workers.fleet import Fleet
from workers.outcome import Done, Duplicate, Failed, Outcome
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
    """What all steps of one scan share.

    A scan that is left without `close` has no `finished_at` in the lake, which is what happened.
    """

    def __init__(self, request: ScanRequest) -> None:
        self.lake: Lake = request.open_lake()
        self.pinned: PinnedRecipe = request.pin()
        self.request = request
        self.scan_id = uuid.uuid4().hex
        self.recipe_id = self.pinned.recipe_id
        self._held = self._held_contents()
        self.claims = Claims(self._held)
        self.tally = Tally()
        self._planned = 0
        self._started_at = datetime.now(UTC)
        self._started_s = time.monotonic()

    def plan(self, progress: ScanProgress) -> list[Shard]:
        """List the archives, record what is new, return what is to be read."""
        self.lake.append([self._scan_row(None)])
        plan = Plan(self.lake, self.scan_id, self.recipe_id, self.tally)
        listed = self.request.list_sources()
        shards = plan.shards(listed, limit=self.request.limit, on_listed=progress.listed)
        self._planned = sum(len(shard) for shard in shards)
        if shards:
            self.lake.append([self._recipe_row()])
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
            is_end = not isinstance(outcome, Failed) or outcome.is_last
            if is_end and shard.settle(outcome.job):
                self._count(outcome)
                progress.settled(outcome.job.source.uri)

        return Committer(self.lake, self.scan_id, self.recipe_id, on_committed)

    def close(self) -> ScanSummary:
        """Write the scan's end and return its account."""
        self.lake.append([self._scan_row(datetime.now(UTC))])
        tally = self.tally
        by_status = {status: tally.by_status[status] for status in STATUSES}
        return ScanSummary(
            scan_id=self.scan_id,
            recipe_id=self.recipe_id,
            model_id=self.pinned.identity.model_id,
            is_demonstration=self.pinned.identity.is_demonstration,
            lake=self.request.lake,
            listed=tally.listed,
            planned=self._planned,
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

    def _count(self, outcome: Outcome) -> None:
        tally = self.tally
        match outcome:
            case Done(reading=reading):
                tally.by_status["done" if reading.boxes else "no_face"] += 1
                tally.videos_read += 1
                tally.partial += reading.video.is_partial
                tally.faces += len(reading.boxes)
                tally.tracks += len(reading.tracks)
                tally.clips += len(outcome.clips)
                tally.findings += len(outcome.findings)
                tally.video_s += reading.video.duration_s
            case Duplicate(job=job, video_id=video_id):
                # A source that was touched, but holds what it held, is itself where its content was read.
                uri, faces = self._held.get(video_id, (None, 0))
                same = "done" if faces else "no_face"
                tally.by_status[same if uri == job.source.uri else "duplicate"] += 1
            case Failed(is_last=True):
                tally.by_status["failed"] += 1
                uri = outcome.job.source.uri
                tally.failures.append(
                    ListedFailure(uri, outcome.stage, outcome.error, outcome.message, is_new=True)
                )
            case Failed():
                pass

    def _held_contents(self) -> dict[str, tuple[str, int]]:
        """Return the contents that the lake holds under this recipe: where each was read, and its faces."""
        rows = Catalog(self.lake).view("videos", recipe_id=self.recipe_id)
        return {row["video_id"]: (row["uri"], row["faces"]) for row in rows.to_pylist()}

    def _recipe_row(self) -> RecipeRecord:
        identity = self.pinned.identity
        return RecipeRecord(
            recipe_id=self.recipe_id,
            recipe_json=self.pinned.recipe_json,
            model_id=identity.model_id,
            is_demonstration=identity.is_demonstration,
            created_at=datetime.now(UTC),
        )

    def _scan_row(self, finished_at: datetime | None) -> Scan:
        return Scan(
            scan_id=self.scan_id,
            recipe_id=self.recipe_id,
            archives=self.request.archives,
            started_at=self._started_at,
            finished_at=finished_at,
            sources_listed=self.tally.listed,
            sources_planned=self._planned,
            software=json.dumps({name: version(name) for name in SOFTWARE}, sort_keys=True),
        )
