"""A scan for evaluations without workers: what a file says is what the model says of it."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.request import ScanRequest
from model.prompting.questions import Question
from storage.records import AnswerRecord, Box, Clip, Failure, Finding, RecipeRecord, Record, Shot, Source
from tests.storage.rows import MIDNIGHT, video


class PlayedScan:
    """Reads JSON from every file that the lake does not hold yet, and writes its rows.

    `{"faces": [{label: score, ...}, ...], "text": ..., "status": ..., "said": [...]}` is a video with so many
    faces; `{"faces": []}` shows none; what is no JSON fails.
    """

    def __init__(self) -> None:
        self.read: list[str] = []
        """Names of the files that were read, over all scans."""
        self._known: set[tuple[str, str]] = set()

    def __call__(self, request: ScanRequest) -> None:
        pinned = request.pin()
        question = pinned.recipe.asked[-1]
        identity = pinned.identity
        rows: list[Record] = [
            RecipeRecord(
                pinned.recipe_id, pinned.recipe_json, identity.model_id, identity.is_demonstration, MIDNIGHT
            )
        ]
        for listed in request.list_sources():
            if (pinned.recipe_id, listed.uri) in self._known:
                continue
            self._known.add((pinned.recipe_id, listed.uri))
            self.read.append(Path(listed.uri).name)
            content = Path(listed.uri).read_bytes()
            video_id = hashlib.sha256(content).hexdigest()
            source = Source(
                listed.uri,
                listed.size_bytes,
                listed.etag,
                listed.modified_at,
                datetime.now(UTC),
                "scan",
                pinned.recipe_id,
                video_id,
            )
            rows.append(source)
            try:
                said: dict[str, Any] = json.loads(content)
            except ValueError:
                rows.append(_failure(source))
                continue
            rows += _rows(video_id, listed.uri, pinned.recipe_id, question, said)
        request.open_lake().append(rows)


def _failure(source: Source) -> Failure:
    return Failure(
        uri=source.uri,
        video_id=source.video_id,
        recipe_id=source.recipe_id,
        scan_id="scan",
        size_bytes=source.size_bytes,
        etag=source.etag,
        stage="decode",
        error="InvalidDataError",
        message="no frame",
        attempt=1,
        is_retryable=False,
        is_quarantined=False,
        failed_at=datetime.now(UTC),
    )


def _rows(video_id: str, uri: str, recipe_id: str, question: Question, said: dict[str, Any]) -> list[Record]:
    faces: list[dict[str, float]] = said["faces"]
    made = video(video_id, uri, recipe_id=recipe_id, tracks=len(faces))
    kept: list[Record] = []
    for row in made:
        match row:
            case Finding() | Shot():
                continue
            case AnswerRecord(question="age"):
                text, status = said.get("text", "Text."), said.get("status", "ok")
                labels = tuple(said.get("said", ()))
                kept.append(
                    replace(row, question=question.name, text=text, parse_status=status, parsed_labels=labels)
                )
            case AnswerRecord():
                continue
            case Box() if row.track_id.endswith("t0000"):
                kept.append(replace(row, w_px=200.0))  # the first face is the main one
            case Clip():
                kept.append(row)
                number = int(row.track_id.rpartition("t")[2])
                kept += [_finding(row, question, label, score) for label, score in faces[number].items()]
            case _:
                kept.append(row)
    return [Shot(video_id, recipe_id, "attempt-1", 0, 0, 0.0), *kept]


def _finding(clip: Clip, question: Question, label: str, score: float) -> Finding:
    unit = "years" if question.kind == "number" else "probability"
    ids = (clip.clip_id, clip.track_id, clip.video_id, clip.recipe_id, clip.attempt_id)
    return Finding(*ids, question.name, label, score, unit, None, None, None, "model-1")
