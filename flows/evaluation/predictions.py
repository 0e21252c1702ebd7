"""What the lake says of samples: rows of a scan in, predictions out."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from flows.evaluation.samples import Located
from model.datasets.dataset import Dataset
from model.datasets.sample import Place, Sample
from model.evaluation.prediction import Prediction, Status
from storage.catalog import Catalog
from storage.lake import Lake

ReadFrom = Literal["scores", "text", "tracks"]
_PRESENT_FROM = 0.5
_SAME_FACE_IOU = 0.3
_NEAR_S = 0.5
"""Seconds between a sample's time and the box that is taken for it."""
_UNREAD: Mapping[str, Status] = {"refused": "refused", "unparsable": "unparsable", "ambiguous": "unparsable"}


@dataclass(frozen=True, slots=True)
class Found:
    """What a scan left of a recipe's one question.

    Attributes:
        listings: by uri.
        faces: of every video the face that it shows most, by video id.
        scores: by video id and label: of that face, and the highest of all faces.
        tracks: the same of every face alone, by track id and label; where faces are told apart.
        track_ids: of every video, those in `tracks`.
        boxes: of every video, where a sample may be one of several faces.
        answers: by clip id.
    """

    listings: Mapping[str, Mapping[str, Any]]
    faces: Mapping[str, Mapping[str, Any]]
    scores: Mapping[str, Mapping[str, tuple[float | None, float]]]
    tracks: Mapping[str, Mapping[str, tuple[float | None, float]]]
    track_ids: Mapping[str, Sequence[str]]
    boxes: Mapping[str, Sequence[Mapping[str, Any]]]
    answers: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, lake: Lake, recipe_id: str, question: str, *, has_places: bool, has_tracks: bool) -> "Found":
        """Ask the lake, at one moment; for boxes only where samples have places."""
        catalog = Catalog(lake).frozen()

        def rows(view: str, **equal_to: Any) -> list[dict[str, Any]]:
            return catalog.view(view, recipe_id=recipe_id, **equal_to).to_pylist()

        scores: defaultdict[str, dict[str, tuple[float | None, float]]] = defaultdict(dict)
        for row in rows("video_scores", question=question):
            scores[row["video_id"]][row["label"]] = row["score"], row["score_highest"]
        tracks: defaultdict[str, dict[str, tuple[float | None, float]]] = defaultdict(dict)
        videos: defaultdict[str, set[str]] = defaultdict(set)
        boxes: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
        if has_places or has_tracks:
            for row in rows("track_scores", question=question):
                tracks[row["track_id"]][row["label"]] = row["score"], row["score_highest"]
                videos[row["video_id"]].add(row["track_id"])
        if has_places:
            for row in rows("boxes"):
                boxes[row["video_id"]].append(row)
        return cls(
            listings={row["uri"]: row for row in rows("listings")},
            faces={row["video_id"]: row for row in rows("main_tracks")},
            scores=scores,
            tracks=tracks,
            track_ids={video_id: sorted(track_ids) for video_id, track_ids in videos.items()},
            boxes=boxes,
            answers={row["clip_id"]: row for row in rows("answers", question=question)},
        )

    def video_id(self, uri: str) -> str | None:
        """Return the content of a file, once it was read."""
        return self.listings.get(uri, {}).get("video_id")


def predict(
    dataset: Dataset, samples: Sequence[Sample], located: Located, found: Found, read_from: ReadFrom
) -> list[Prediction]:
    """Return what was said of every sample, or why nothing was."""
    return [
        replace(
            _predict(dataset, sample, located, found, read_from), video_id=_content_of(sample, located, found)
        )
        for sample in samples
    ]


def predict_tracks(
    dataset: Dataset, samples: Sequence[Sample], located: Located, found: Found
) -> list[Prediction]:
    """Return what was said of every face alone, each taken for what its whole video is."""
    predictions: list[Prediction] = []
    for sample in samples:
        video_id = _content_of(sample, located, found)
        for track_id in found.track_ids.get(video_id or "", ()):
            face = replace(sample, sample_id=f"{sample.sample_id}#{track_id}")
            said = _read_scores(dataset, face, found.tracks[track_id])
            predictions.append(replace(said, video_id=video_id, track_id=track_id))
    return predictions


def file_of(prediction: Prediction, located: Located) -> str:
    """Return the uri that a prediction, maybe of one of its faces, is about."""
    sample = prediction.sample
    sample_id = sample.sample_id.removesuffix(f"#{prediction.track_id}")
    listed = located.listed.get(sample_id)
    return listed.uri if listed else str(sample.media)


def _content_of(sample: Sample, located: Located, found: Found) -> str | None:
    listed = located.listed.get(sample.sample_id)
    return found.video_id(listed.uri) if listed else None


def _predict(
    dataset: Dataset, sample: Sample, located: Located, found: Found, read_from: ReadFrom
) -> Prediction:
    if sample.sample_id in located.lacking:
        return Prediction(sample, "failed", reason=located.lacking[sample.sample_id])
    row = found.listings.get(located.listed[sample.sample_id].uri, {"status": "pending", "reason": None})
    if row["status"] in {"failed", "skipped", "pending"}:
        reason = row["reason"] or "it was not read"
        return Prediction(sample, "failed", reason=f"{row['status']}: {reason}")
    video_id = row["video_id"]
    if sample.place is not None:
        return _predict_place(dataset, sample, sample.place, video_id, found)
    face = found.faces.get(video_id)
    if face is None or face["clip_id"] is None:
        return _without_answer(sample, face)
    if read_from == "text":
        return _read_text(dataset, sample, found.answers[face["clip_id"]])
    return _read_scores(dataset, sample, found.scores[video_id])


def _predict_place(dataset: Dataset, sample: Sample, place: Place, video_id: str, found: Found) -> Prediction:
    """Return what was said of one face of several: of the track that is where it should be."""
    track_id = _track_at(found.boxes.get(video_id, ()), place)
    if track_id is None:
        return Prediction(sample, "no_face", reason="no face was found there")
    scores = found.tracks.get(track_id)
    if scores is None:
        return Prediction(sample, "no_face", reason="the face has no clip")
    return replace(_read_scores(dataset, sample, scores), track_id=track_id)


def _track_at(boxes: Sequence[Mapping[str, Any]], place: Place) -> str | None:
    """Return the track whose box nearest in time overlaps most with a place, or None where none does."""
    nearest: dict[str, Mapping[str, Any]] = {}
    for box in boxes:
        before = nearest.get(box["track_id"])
        if before is None or abs(box["pts_s"] - place.at_s) < abs(before["pts_s"] - place.at_s):
            nearest[box["track_id"]] = box
    overlaps = {
        track_id: _overlap(box, place)
        for track_id, box in nearest.items()
        if abs(box["pts_s"] - place.at_s) <= _NEAR_S
    }
    best = max(overlaps, key=lambda track_id: overlaps[track_id], default=None)
    return best if best is not None and overlaps[best] >= _SAME_FACE_IOU else None


def _overlap(box: Mapping[str, Any], place: Place) -> float:
    width = min(box["x_px"] + box["w_px"], place.x_px + place.w_px) - max(box["x_px"], place.x_px)
    height = min(box["y_px"] + box["h_px"], place.y_px + place.h_px) - max(box["y_px"], place.y_px)
    shared = max(0.0, width) * max(0.0, height)
    return shared / (box["w_px"] * box["h_px"] + place.w_px * place.h_px - shared)


def _without_answer(sample: Sample, face: Mapping[str, Any] | None) -> Prediction:
    if face is None:
        return Prediction(sample, "no_face", reason="no face was found")
    if face["no_answer_reason"] is not None:
        return Prediction(sample, "failed", reason=face["no_answer_reason"])
    return Prediction(sample, "no_face", reason=f"the face is {face['no_clip_reason']}")


def _read_scores(
    dataset: Dataset, sample: Sample, scores: Mapping[str, tuple[float | None, float]]
) -> Prediction:
    of_face = {label: score for label, (score, _) in scores.items() if score is not None}
    if not all(math.isfinite(score) for score in (*of_face.values(), *(one for _, one in scores.values()))):
        return Prediction(sample, "failed", reason="a score is not a number")
    match dataset.task:
        case "expression":
            answer = max(dataset.labels, key=lambda label: of_face[label])
            return Prediction(sample, "scored", answer)
        case "action_units" | "attributes":
            marks = {label: of_face[label] >= _PRESENT_FROM for label in dataset.labels}
            return Prediction(sample, "scored", marks)
        case "age":
            (years,) = of_face.values()
            return Prediction(sample, "scored", years)
        case "deepfake":
            other, label = dataset.labels
            score = scores[label][1]  # of the most suspicious face: one fake among ten is never averaged away
            return Prediction(sample, "scored", label if score >= _PRESENT_FROM else other, score)


def _read_text(dataset: Dataset, sample: Sample, answer: Mapping[str, Any]) -> Prediction:
    status = answer["parse_status"]
    if status in _UNREAD:
        return Prediction(sample, _UNREAD[status], reason=f"{status}: {answer['text'][:200]}")
    labels: list[str] = answer["parsed_labels"]
    match dataset.task:
        case "action_units" | "attributes":
            return Prediction(sample, "scored", {label: label in labels for label in dataset.labels})
        case "age":
            return Prediction(sample, "scored", float(labels[0]))
        case "expression" | "deepfake":
            return Prediction(sample, "scored", labels[0])
