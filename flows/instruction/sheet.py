"""Statistics of instruction data, and a page of samples to look at."""

import base64
import hashlib
import html
import io
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from model.evaluation.judge import in_words

if TYPE_CHECKING:
    from flows.instruction.files import Written

_STRIP_PX = 112
_STYLE = (
    "body{font:14px sans-serif;margin:2em;max-width:75em}"
    "article{border-top:1px solid #ccc;padding:.7em 0}"
    "img{display:block;margin-bottom:.4em}td{padding:0 1em 0 0}q{color:#444}"
)


def statistics(written: Sequence["Written"]) -> dict[str, Any]:
    """Return counts that add up: `samples` is the sum of `by_status`."""
    kept = [one for one in written if one.status == "kept"]
    ratings: defaultdict[str, list[int]] = defaultdict(list)
    for one in written:
        for name, rating in one.ratings.items():
            ratings[name].append(rating)
    labels = Counter(label for one in kept for label in _labels(one.sample.truth))
    words = [len(str(one.entry["conversations"][1]["value"]).split()) for one in kept if one.entry]
    return {
        "samples": len(written),
        "kept": len(kept),
        "by_status": dict(Counter(one.status for one in written).most_common()),
        "kept_by_split": dict(sorted(Counter(one.split for one in kept).items())),
        "clusters_by_split": {
            split: len({one.sample.cluster for one in kept if one.split == split})
            for split in sorted({one.split for one in kept})
        },
        "kept_by_label": dict(labels.most_common()),
        "mean_ratings": {name: float(np.mean(values)) for name, values in ratings.items()},
        "mean_answer_words": float(np.mean(words)) if words else None,
    }


def _labels(truth: Any) -> list[str]:
    if isinstance(truth, Mapping):
        return [str(label) for label, holds in truth.items() if holds]
    if isinstance(truth, float):
        decade = int(truth) // 10 * 10
        return [f"{decade}-{decade + 9} years"]
    return [str(truth)]


def sheet(folder: Path, written: Sequence["Written"], found: Mapping[str, Any], samples: int) -> str:
    """Return an HTML page: the statistics, and some samples of every status that has a face."""
    chosen = sorted(
        (one for one in written if one.face is not None and one.face.media),
        key=lambda one: hashlib.sha256(one.sample.sample_id.encode()).digest(),
    )[:samples]
    facts = "".join(
        f"<tr><td>{html.escape(str(name))}</td><td>{html.escape(_fact(value))}</td></tr>"
        for name, value in found.items()
    )
    parts = "".join(_article(folder, one) for one in chosen)
    title = html.escape(f"Instruction data from {found['dataset']}")
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{_STYLE}</style>"
        f"<h1>{title}</h1><table>{facts}</table>{parts}</html>\n"
    )


def _fact(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value):,}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_fact(one)}" for name, one in value.items())
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _article(folder: Path, one: "Written") -> str:
    face = one.face
    assert face is not None
    turns = one.entry["conversations"] if one.entry else []
    said = "".join(f"<p>{html.escape(str(turn['value']))}</p>" for turn in turns)
    if not turns:
        said = f"<p><q>{html.escape(one.description)}</q></p><p>{html.escape(one.reason or '')}</p>"
    ratings = ", ".join(f"{name} {rating}" for name, rating in one.ratings.items())
    head = f"{one.sample.sample_id} · {one.split} · {in_words(one.sample.truth)} · {one.status}"
    data = base64.b64encode(_strip(folder / face.media)).decode()
    return (
        f'<article><img alt="" src="data:image/jpeg;base64,{data}">'
        f"<b>{html.escape(head)}</b> {html.escape(ratings)}{said}</article>"
    )


def _strip(path: Path) -> bytes:
    """Return the crops side by side, as a JPEG file."""
    if path.suffix == ".npy":
        crops = [Image.fromarray(crop) for crop in np.load(path, allow_pickle=False)]
    else:
        with Image.open(path) as picture:
            crops = [picture.convert("RGB")]
    strip = Image.new("RGB", (_STRIP_PX * len(crops), _STRIP_PX))
    for place, crop in enumerate(crops):
        strip.paste(crop.resize((_STRIP_PX, _STRIP_PX)), (place * _STRIP_PX, 0))
    data = io.BytesIO()
    strip.save(data, format="JPEG", quality=80)
    return data.getvalue()
