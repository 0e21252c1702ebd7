"""Made rows: a whole video as a reader and a describer would leave it, in a few words."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet

from storage.records import (
    AnswerRecord,
    Box,
    Clip,
    Failure,
    Finding,
    RecipeRecord,
    Record,
    Scan,
    Shot,
    Source,
    Track,
    Video,
    clip_id,
    evidence_path,
    track_id,
)
from storage.tables import TableFiles, tables, to_arrow

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)
RECIPE = "recipe-1"
FRAMES = 2
"""Boxes per track, and frames per clip."""
KINDS = {
    "expression": "single_label",
    "action_units": "multi_label",
    "attributes": "multi_label",
    "age": "number",
    "deepfake": "single_label",
}
EXPRESSIONS = ("happiness", "sadness", "neutral")


def at(minutes: float) -> datetime:
    return MIDNIGHT + timedelta(minutes=minutes)


def recipe(
    recipe_id: str = RECIPE, *, is_demonstration: bool = True, questions: Mapping[str, str] = KINDS
) -> RecipeRecord:
    """Return a recipe that asks questions of these names and kinds."""
    asked = [
        {"name": name, "kind": kind, "view": "clip", "prompt": "How?", "labels": [{"name": "happiness"}]}
        for name, kind in questions.items()
    ]
    return RecipeRecord(recipe_id, json.dumps({"questions": asked}), "model-1", is_demonstration, at(0))


def scan(recipe_id: str = RECIPE, *, finished_at: datetime | None = None) -> Scan:
    return Scan("scan-1", recipe_id, ("/archive",), at(0), finished_at, 3, 2, '{"facesift": "0.1.0"}')


def source(
    uri: str,
    *,
    etag: str | None = "v1",
    minutes: float = 1,
    recipe_id: str = RECIPE,
    video_id: str | None = None,
    skip_reason: str | None = None,
) -> Source:
    size_bytes = None if etag is None else 1000
    return Source(
        uri=uri,
        size_bytes=size_bytes,
        etag=etag,
        modified_at=at(-60),
        listed_at=at(minutes),
        scan_id="scan-1",
        recipe_id=recipe_id,
        video_id=video_id,
        skip_reason=skip_reason,
    )


def failure(
    uri: str,
    *,
    etag: str | None = "v1",
    minutes: float = 2,
    recipe_id: str = RECIPE,
    video_id: str | None = None,
    attempt: int = 1,
    is_retryable: bool = False,
    is_quarantined: bool = False,
) -> Failure:
    return Failure(
        uri=uri,
        video_id=video_id,
        recipe_id=recipe_id,
        scan_id="scan-1",
        size_bytes=None if etag is None else 1000,
        etag=etag,
        stage="decode",
        error="SourceError",
        message=f"no frames in {uri}",
        attempt=attempt,
        is_retryable=is_retryable,
        is_quarantined=is_quarantined,
        failed_at=at(minutes),
    )


def video(
    video_id: str,
    uri: str,
    *,
    recipe_id: str = RECIPE,
    attempt_id: str = "attempt-1",
    tracks: int = 1,
    clips: int = 1,
    minutes: float = 5,
    partial_reason: str | None = None,
    deepfake: tuple[float, ...] = (0.25,),
) -> list[Record]:
    """Return all rows of a video, the `Video` last; `deepfake` is repeated over its tracks."""
    children: list[Record] = [Shot(video_id, recipe_id, attempt_id, 0, 0, 0.0)]
    for index in range(tracks):
        fake = deepfake[index % len(deepfake)]
        children += _track(video_id, recipe_id, attempt_id, index, clips=clips, fake=fake)
    return [
        *children,
        Video(
            video_id=video_id,
            recipe_id=recipe_id,
            attempt_id=attempt_id,
            scan_id="scan-1",
            uri=uri,
            size_bytes=1000,
            container="mov,mp4",
            codec="h264",
            pixel_format="yuv420p",
            width_px=640,
            height_px=360,
            fps=25.0,
            duration_s=10.0,
            rotation_deg=0,
            sample_aspect_ratio="1:1",
            time_base="1/12800",
            start_pts=0,
            decoder="pyav",
            frames_decoded=250,
            frames_sampled=40,
            packets_damaged=0,
            is_partial=partial_reason is not None,
            partial_reason=partial_reason,
            faces=tracks * FRAMES,
            tracks=tracks,
            clips=tracks * clips,
            findings=sum(isinstance(row, Finding) for row in children),
            read_s=1.5,
            describe_s=0.5,
            committed_at=at(minutes),
        ),
    ]


def _track(
    video_id: str, recipe_id: str, attempt_id: str, index: int, *, clips: int, fake: float
) -> list[Record]:
    of_track = track_id(video_id, recipe_id, index)
    track = Track(of_track, video_id, recipe_id, attempt_id, index, 0, 0.0, 2.0, 0, 50, FRAMES, 0.9, None)
    box = Box(
        track_id=of_track,
        video_id=video_id,
        recipe_id=recipe_id,
        attempt_id=attempt_id,
        frame_index=0,
        pts=0,
        pts_s=0.0,
        x_px=10.0 + 100 * index,
        y_px=20.0,
        w_px=64.0,
        h_px=80.0,
        score=0.99,
        quality=0.8,
        sharpness=120.0,
        yaw_deg=1.0,
        pitch_deg=2.0,
        roll_deg=3.0,
        landmarks_px=(1.0,) * 136,
    )
    rows: list[Record] = [track]
    rows += [replace(box, frame_index=frame, pts=512 * frame, pts_s=0.04 * frame) for frame in range(FRAMES)]
    for number in range(clips):
        rows += _clip(track, number, fake)
    return rows


def _clip(track: Track, number: int, fake: float) -> list[Record]:
    ids = (clip_id(track.track_id, number), track.track_id, track.video_id, track.recipe_id, track.attempt_id)
    clip = Clip(
        *ids,
        clip_index=number,
        start_s=0.0,
        end_s=2.0,
        frame_indices=tuple(range(FRAMES)),
        pts=tuple(512 * frame for frame in range(FRAMES)),
        crop_xys_px=(0.0,) * 3 * FRAMES,
        landmarks_crop_px=(0.0,) * 136 * FRAMES,
        best_frame=1,
        quality=0.8,
        crops_sha256="c" * 64,
        evidence=evidence_path(track.video_id, ids[0]),
    )
    scores = {
        "expression": dict(zip(EXPRESSIONS, (0.7, 0.1, 0.2), strict=True)),
        "action_units": {"AU12": 0.9, "AU6": 0.8, "AU1": 0.1},
        "attributes": {"smiling": 0.9, "bald": 0.1},
        "age": {"age_years": 31.5},
        "deepfake": {"real": 1 - fake, "fake": fake},
    }
    answer = AnswerRecord(
        *ids, "", "A happy face.", "The corners.", "ok", (), "How?", "clip", "model-1", True
    )
    ages: dict[str, Any] = {
        "numbers": (27, 36),  # 31.5, give or take 4.5
        "number_log_probs": (-2.0, -2.0),
        "number_prior_log_probs": (-1.0, -3.0),
    }
    rows: list[Record] = [clip]
    for question, by_label in scores.items():
        rows.append(replace(answer, question=question, **(ages if question == "age" else {})))
        for label, score in by_label.items():
            unit, spread = ("years", 4.0) if question == "age" else ("probability", None)
            rows.append(Finding(*ids, question, label, score, unit, spread, -0.5, -0.7, "model-1"))
    return rows


class MadeTables:
    """Stands for a lake before a catalog: rows in plain Parquet files, without Delta's commits."""

    def __init__(self, folder: Path, rows: Sequence[Record]) -> None:
        self._files: dict[str, TableFiles] = {}
        for name, table in tables().items():
            of_table = [row for row in rows if isinstance(row, table.record)]
            path = folder / f"{name}.parquet"
            if of_table:
                parquet.write_table(to_arrow(of_table), path)
            uris = (str(path),) if of_table else ()
            self._files[name] = TableFiles(frozenset(column.name for column in table.columns), uris)

    def snapshot(self) -> Mapping[str, TableFiles]:
        return self._files
