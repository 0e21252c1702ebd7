"""One run of a scan: its ids, its lake, its recipe, its counts."""

import json
import platform
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from flows.claims import Claims
from flows.committer import Committer
from flows.display.progress import ScanProgress
from flows.log import log_outcome
from flows.plan import Plan, Shard, Shards
from flows.recipe import PinnedRecipe
from flows.request import ScanRequest
from flows.summary import LISTED_FAILURES, STATUSES, ListedFailure, ScanSummary
from storage.archive import archive_uri
from storage.inventory import Inventory, Unread
from storage.lake import Lake
from storage.records import RecipeRecord, Scan
from workers.describer import Describer
from workers.outcome import Done, Failed, Outcome
from workers.reader import Reader
from workers.reading import RowIds

if TYPE_CHECKING:
    from workers.fleet import Fleet

SOFTWARE = (
    "facesift",
    "ai-edge-litert",
    "av",
    "bitsandbytes",
    "decord",
    "insightface",
    "mediapipe",
    "numpy",
    "onnx",
    "onnxruntime",
    "onnxruntime-gpu",
    "opencv-python-headless",
    "pillow",
    "scenedetect-headless",
    "scikit-image",
    "scipy",
    "sentencepiece",
    "supervision",
    "torch",
    "trackers",
    "transformers",
    "vllm",
)
"""Packages that can touch a result; a scan records Python's version, and theirs where they are installed."""


@dataclass(slots=True)
class Tally:
    """What a scan has read and committed so far."""

    videos_read: int = 0
    partial: int = 0
    faces: int = 0
    tracks: int = 0
    clips: int = 0
    findings: int = 0
    video_s: float = 0.0

    def add(self, done: Done) -> None:
        """Count one more video."""
        self.videos_read += 1
        video = done.video
        self.partial += video.is_partial
        self.faces += video.faces
        self.tracks += video.tracks
        self.clips += video.clips
        self.findings += video.findings
        self.video_s += video.duration_s


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
        with self.lake.at_work("plan a scan into"):
            self._inventory = Inventory(self.lake, self.recipe_id)
        self._tally = Tally()
        self._started_at = datetime.now(UTC)
        self._started_s = time.monotonic()

    @cached_property
    def claims(self) -> Claims:
        """Who reads which content; asked of the lake when there is something to read."""
        with self.lake.at_work("plan a scan into"):
            return Claims(*self._inventory.contents())

    def plan(self, progress: ScanProgress) -> Shards:
        """List the archives, record what is new, return what is to be read."""
        card = self.request.calibration_row(self.pinned)
        self.lake.append([self._scan_row(None), *([card] if card else [])])
        plan = Plan(self._inventory, self.scan_id, self.recipe_id)
        listed = self.request.list_sources()
        with self.lake.at_work("plan a scan into"):
            shards = plan.shards(listed, limit=self.request.limit, on_listed=progress.listed)
        if shards:
            self.lake.append([self._recipe_row()])
        return shards

    def fleet(self) -> "Fleet":
        """Return the workers, not started yet."""
        from workers.fleet import Fleet  # noqa: PLC0415 - a scan that finds nothing to read needs no Ray

        reader = partial(Reader, self.pinned.recipe.reader)
        describer = partial(Describer, self.pinned.describer())
        gpus = self.pinned.recipe.engine.gpus
        return Fleet(replace(self.request.fleet(), gpus_per_engine=gpus), reader, describer)

    def new_ids(self) -> RowIds:
        """Return the ids of one more attempt."""
        return RowIds(recipe_id=self.recipe_id, attempt_id=uuid.uuid4().hex, scan_id=self.scan_id)

    def committer(self, shard: Shard, progress: ScanProgress) -> Committer:
        """Return a committer that counts what it has committed."""

        def on_committed(outcome: Outcome) -> None:
            log_outcome(outcome)
            is_end = not isinstance(outcome, Failed) or outcome.is_last
            if is_end and shard.settle(outcome.job):
                if isinstance(outcome, Done):
                    self._tally.add(outcome)
                progress.settled(outcome.job.source.uri)

        return Committer(self.lake, self.scan_id, self.recipe_id, on_committed)

    def close(self) -> ScanSummary:
        """Write the scan's end and return its account.

        What became of each source is asked of the lake, not counted on the way: another scan may have been at
        work there, and a source that changed may have left its place to a copy that this scan did not touch.
        """
        self.lake.append([self._scan_row(datetime.now(UTC))])
        inventory = self._inventory
        with self.lake.at_work("sum up what is in"), inventory:
            counts = inventory.outcomes()
            reasons = inventory.failures_by_reason() if counts.get("failed") else {}
            failures = inventory.unread(self._started_at, LISTED_FAILURES) if reasons else []
        tally = self._tally
        return ScanSummary(
            scan_id=self.scan_id,
            recipe_id=self.recipe_id,
            model_id=self.pinned.identity.model_id,
            is_demonstration=self.pinned.identity.is_demonstration,
            lake=self.request.lake,
            listed=inventory.listed,
            planned=inventory.planned,
            by_status={status: counts.get(status, 0) for status in STATUSES},
            videos_read=tally.videos_read,
            partial=tally.partial,
            faces=tally.faces,
            tracks=tally.tracks,
            clips=tally.clips,
            findings=tally.findings,
            video_s=tally.video_s,
            wall_s=time.monotonic() - self._started_s,
            failures=tuple(map(self._failure, failures)),
            reasons=reasons,
        )

    def _failure(self, unread: Unread) -> ListedFailure:
        is_new = unread.failed_at >= self._started_at
        return ListedFailure(unread.uri, unread.stage, unread.error, unread.message, is_new)

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
            archives=tuple(map(archive_uri, self.request.archives)),
            started_at=self._started_at,
            finished_at=finished_at,
            sources_listed=self._inventory.listed,
            sources_planned=self._inventory.planned,
            software=json.dumps(_versions(), sort_keys=True),
        )


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in SOFTWARE:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions
