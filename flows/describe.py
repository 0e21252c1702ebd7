"""One image or video straight through the reader and the describer of a scan; nothing goes into a lake."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from flows.recipe import PinnedRecipe
from flows.summary import DEMONSTRATION_NOTICE
from flows.usage import UsageError
from model.clip import FaceClip
from model.engines.engine import EngineDiedError, NoReplyError
from model.network.config import CheckpointError
from storage.archive import ArchiveError, Fail, Skip, list_sources
from storage.records import AnswerRecord, Clip, Finding, Source, Track, Video
from workers.clipper import ClipCut
from workers.describer import Describer
from workers.failure import SourceError, TransientError
from workers.reader import Reader, Reading, RowIds


@dataclass(frozen=True, slots=True)
class ClipAccount:
    """What the model said about one clip; `answers` is empty when `clip.no_answer_reason` says why."""

    clip: Clip
    pixels: FaceClip
    answers: tuple[AnswerRecord, ...]
    findings: tuple[Finding, ...]

    def findings_of(self, question: str) -> tuple[Finding, ...]:
        """Return the scores of one question's labels, in the question's order."""
        return tuple(finding for finding in self.findings if finding.question == question)


@dataclass(frozen=True, slots=True)
class FaceAccount:
    """A track with what was said about its best clips, the best first."""

    track: Track
    clips: tuple[ClipAccount, ...]


@dataclass(frozen=True, slots=True)
class Description:
    """All that one file led to."""

    pinned: PinnedRecipe
    video: Video
    tracks: int
    """In the whole file, with those that were not asked for."""
    faces: tuple[FaceAccount, ...]

    @property
    def is_answered(self) -> bool:
        """True when the model said something about at least one face."""
        return any(account.answers for face in self.faces for account in face.clips)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values, with the notice when the model is for demonstration."""
        identity = self.pinned.identity
        return {
            **({"notice": DEMONSTRATION_NOTICE} if identity.is_demonstration else {}),
            "uri": self.video.uri,
            "video_id": self.video.video_id,
            "recipe_id": self.pinned.recipe_id,
            "model_id": identity.model_id,
            "is_demonstration": identity.is_demonstration,
            "width_px": self.video.width_px,
            "height_px": self.video.height_px,
            "duration_s": self.video.duration_s,
            "is_partial": self.video.is_partial,
            "partial_reason": self.video.partial_reason,
            "tracks": self.tracks,
            "faces": [_face_values(face) for face in self.faces],
        }


@dataclass(frozen=True, slots=True)
class DescribeRequest:
    """What to describe.

    Attributes:
        file: path or uri of one image or video.
        track: describe only the track of this index, from 0, as in the lake; None describes all.
        clips: so many clips per track, those of the highest quality.
    """

    file: str
    track: int | None = None
    clips: int = 1

    def find(self) -> Source:
        """Return the source that the file is.

        Raises:
            UsageError: there is no such file, it is a folder, or it is neither image nor video by its name.
            SourceError: it cannot be looked at.
        """
        if Path(self.file).is_dir():
            raise UsageError(f"{self.file} is a folder; describe one file, or `facesift scan` it")
        try:
            listed = list(list_sources([self.file]))
        except ArchiveError as error:
            raise UsageError(str(error)) from error
        if len(listed) != 1:
            raise UsageError(f"{self.file} stands for {len(listed)} files; describe one")
        found = listed[0]
        if isinstance(found.fate, Skip):
            raise UsageError(f"{self.file} is neither image nor video: {found.fate.reason}")
        if isinstance(found.fate, Fail):
            raise SourceError("list", f"{self.file}: {found.fate.message}", found.fate.error)
        values = (found.uri, found.size_bytes, found.etag, found.modified_at)
        return Source(*values, listed_at=datetime.now(UTC), scan_id="", recipe_id="")


def describe_file(
    request: DescribeRequest, pinned: PinnedRecipe, on_step: Callable[[str], None] = lambda _: None
) -> Description:
    """Read one file as a scan does, and ask the model about the best clips of its faces.

    Args:
        request: the file, and which of its faces.
        pinned: recipe and checkpoint.
        on_step: told what is being done.

    Raises:
        UsageError: there is no such file or track.
        WorkerError: the file cannot be read, or the machine cannot describe it.
    """
    source = request.find()
    on_step("finding faces")
    reader = Reader(pinned.recipe.reader)
    ids = RowIds(recipe_id=pinned.recipe_id, attempt_id=uuid.uuid4().hex, scan_id="describe")
    best = _BestClips(request.clips)
    reading = Reading.of(reader.read(reader.fetch(source), ids), lambda chunk: best.add(chunk.cuts))
    tracks = reading.tracks
    chosen = [track for track in tracks if request.track in {None, track.track_index}]
    if tracks and not chosen:
        known = ", ".join(str(track.track_index) for track in tracks)
        raise UsageError(f"{request.file} has no track {request.track}; its tracks are {known}")
    cuts = [cut for track in chosen for cut in best.of(track.track_id)]
    accounts: dict[str, list[ClipAccount]] = {}
    if cuts:
        on_step("asking the model")
        for account in _ask(pinned, cuts):
            accounts.setdefault(account.clip.track_id, []).append(account)
    faces = tuple(FaceAccount(track, tuple(accounts.get(track.track_id, ()))) for track in chosen)
    return Description(pinned, reading.video, len(tracks), faces)


class _BestClips:
    """The clips of highest quality of every track, while a video is read."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._by_track: dict[str, list[ClipCut]] = {}

    def add(self, cuts: tuple[ClipCut, ...]) -> None:
        for cut in cuts:
            kept = [*self._by_track.get(cut.record.track_id, ()), cut]
            kept.sort(key=lambda one: one.record.quality, reverse=True)  # stable: the earlier of equals first
            self._by_track[cut.record.track_id] = kept[: self._count]

    def of(self, track_id: str) -> list[ClipCut]:
        return self._by_track.get(track_id, [])


def _ask(pinned: PinnedRecipe, cuts: list[ClipCut]) -> Iterator[ClipAccount]:
    """Ask the model in this process, where what ends a describer of a scan ends the command.

    Raises:
        TransientError: stage `describe`: the engine does not start, or does not answer.
    """
    try:
        described = Describer(pinned.describer()).describe(cuts)
    except (torch.OutOfMemoryError, torch.AcceleratorError) as error:
        message = f"the device failed, perhaps because it is too small: {error}"
        raise TransientError("describe", message, type(error).__name__) from error
    except (CheckpointError, EngineDiedError, NoReplyError, ValueError) as error:
        raise TransientError("describe", str(error), type(error).__name__) from error
    for clip, cut in zip(described.clips, cuts, strict=True):
        yield ClipAccount(
            clip,
            cut.clip,
            tuple(answer for answer in described.answers if answer.clip_id == clip.clip_id),
            tuple(finding for finding in described.findings if finding.clip_id == clip.clip_id),
        )


def _face_values(face: FaceAccount) -> dict[str, Any]:
    track = face.track
    return {
        "track_index": track.track_index,
        "track_id": track.track_id,
        "start_s": track.start_s,
        "end_s": track.end_s,
        "frames": track.frames,
        "quality": track.quality,
        "no_clip_reason": track.no_clip_reason,
        "clips": [_clip_values(account) for account in face.clips],
    }


def _clip_values(account: ClipAccount) -> dict[str, Any]:
    clip = account.clip
    return {
        "clip_id": clip.clip_id,
        "start_s": clip.start_s,
        "end_s": clip.end_s,
        "quality": clip.quality,
        "frame_indices": clip.frame_indices,
        "best_frame": clip.best_frame,
        "crops_sha256": clip.crops_sha256,
        "no_answer_reason": clip.no_answer_reason,
        "answers": [
            _answer_values(answer, account.findings_of(answer.question)) for answer in account.answers
        ],
    }


def _answer_values(answer: AnswerRecord, findings: tuple[Finding, ...]) -> dict[str, Any]:
    scores = [
        {
            name: getattr(finding, name)
            for name in ("label", "score", "unit", "spread", "log_prob", "prior_log_prob")
        }
        for finding in findings
    ]
    named = ("question", "view", "prompt", "text", "rationale", "parse_status", "parsed_labels")
    return {**{name: getattr(answer, name) for name in named}, "scores": scores}
