"""The report of an evaluation: JSON values, and the same as Markdown."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from flows.summary import DEMONSTRATION_NOTICE
from model.evaluation.assessment import Assessment, Cell
from model.evaluation.breakdown import Breakdown
from model.evaluation.measures import HEADLINES, TITLES
from model.evaluation.prediction import Prediction
from model.evaluation.published import Published

LISTED = 50
"""Malformed lines, and samples without an answer, that the Markdown names; the JSON has all."""
_HEADINGS = {
    "scores": "## Read from the scores",
    "text": "## Read from the text",
    "tracks": "## Every face alone, by the truth of its video",
}


def assessment_values(assessment: Assessment, predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Return an assessment as JSON values; what is not a number is null."""
    return {
        "read_from": assessment.by,
        "coverage": asdict(assessment.coverage),
        "metrics": {
            name: {"title": TITLES[name], **{key: finite(value) for key, value in asdict(found).items()}}
            for name, found in assessment.metrics.items()
        },
        "tables": [
            {
                "title": table.title,
                "columns": list(table.columns),
                "rows": [[finite(cell) for cell in row] for row in table.rows],
            }
            for table in assessment.tables
        ],
        "breakdowns": [breakdown_values(breakdown) for breakdown in assessment.breakdowns],
        "unanswered": [
            {"sample_id": one.sample.sample_id, "status": one.status, "reason": one.reason}
            for one in predictions
            if one.status != "scored"
        ],
    }


def breakdown_values(breakdown: Breakdown) -> dict[str, Any]:
    """Return a breakdown as JSON values."""
    return {
        "title": breakdown.title,
        "by": list(breakdown.by),
        "metrics": list(breakdown.metrics),
        "parts": [
            {**asdict(part), "metrics": {name: finite(value) for name, value in part.metrics.items()}}
            for part in breakdown.parts
        ],
    }


def published_values(rows: Sequence[Published]) -> list[dict[str, Any]]:
    """Return the paper's rows as JSON values."""
    return [{"setting": row.setting, "method": row.method, "metrics": dict(row.metrics)} for row in rows]


def finite(value: Any) -> Any:
    """Return a value as JSON knows it: null for a float that is no number."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def to_markdown(report: Mapping[str, Any]) -> str:
    """Return a report as Markdown."""
    parts = [f"# {report['title']}, {report['split']}", ""]
    if "notice" in report:
        parts += [f"**{report['notice']}**", ""]
    facts = {
        "model": f"{report['model_id']} ({report['checkpoint']})",
        "recipe": report["recipe_id"],
        "annotation": f"{report['variant']} of {report['root']}",
        "split": f"{report['split']}: {report['split_rule']}",
        "annotated": _annotated(report),
        "samples": f"{report['samples']:,} in {report['clusters']:,} clusters"
        + (f" (limited to {report['limit']:,})" if report["limit"] else "")
        + (f" (one frame in {report['frame_step']:,})" if report["frame_step"] > 1 else ""),
        "faces": "the whole picture is taken for the face" if report["is_whole_picture"] else "as a scan",
        "intervals": f"{report['level']:.0%}, {report['draws']:,} draws of clusters",
        "made": report["created_at"],
    }
    parts += [f"- {name}: {value}" for name, value in facts.items()]
    for reading in report["readings"]:
        parts += ["", _HEADINGS[reading["read_from"]], "", *_coverage(reading), ""]
        parts += _metrics(report, reading)
        for table in (*reading["tables"], *map(breakdown_table, reading["breakdowns"])):
            parts += ["", f"### {table['title']}", "", *_table(table["columns"], table["rows"])]
    for title, part in (("Calibration", "calibration"), ("Reasoning", "reasoning")):
        if report.get(part):
            parts += ["", f"## {title}", ""]
            for table in report[part]["tables"]:
                parts += [f"### {table['title']}", "", *_table(table["columns"], table["rows"]), ""]
            parts += [f"- {line}" for line in report[part]["notes"]]
    parts += _unanswered(report["readings"][0]["unanswered"])
    parts += _malformed(report["malformed"])
    return "\n".join(parts) + "\n"


def _annotated(report: Mapping[str, Any]) -> str:
    """Say of how many annotated samples these are some."""
    counts: Mapping[str, int] = report["annotated"]
    of_splits = ", ".join(f"{count:,} in {split}" for split, count in counts.items())
    samples = f"{sum(counts.values()):,} samples" + (f" ({of_splits})" if set(counts) != {"all"} else "")
    return f"{samples}, {len(report['malformed']):,} malformed lines or names"


def _coverage(reading: Mapping[str, Any]) -> list[str]:
    coverage = reading["coverage"]
    rest = " + ".join(
        f"{count:,} {name.replace('_', ' ')}" for name, count in coverage.items() if name != "expected"
    )
    return [f"Expected {coverage['expected']:,} = {rest}."]


def _metrics(report: Mapping[str, Any], reading: Mapping[str, Any]) -> list[str]:
    rows = [
        (found["title"], found["value"], _interval(found["low"], found["high"]))
        for found in reading["metrics"].values()
    ]
    lines = _table(("metric", "value", "interval"), rows)
    names = [name for name in HEADLINES[report["task"]] if name in reading["metrics"]]
    beside = [row for row in report["published"] if set(names) & set(row["metrics"])]
    if not beside:
        return [*lines, "", "The paper's figures on this dataset are not known here."]
    shown = [name for name in names if any(name in row["metrics"] for row in beside)]
    ours = ("", f"**{report['model_id']}, this run**", *(reading["metrics"][name]["value"] for name in shown))
    paper = [(row["setting"], row["method"], *(row["metrics"].get(name) for name in shown)) for row in beside]
    columns = ("setting", "method", *(TITLES[name] for name in shown))
    notes = "From the paper, as printed; its splits, compression and label matching are not stated there."
    return [*lines, "", "### Beside the paper", "", *_table(columns, [ours, *paper]), "", notes]


def breakdown_table(breakdown: Mapping[str, Any], titles: Mapping[str, str] = TITLES) -> dict[str, Any]:
    """Return a breakdown of a report as one of its tables."""
    by, names = breakdown["by"], breakdown["metrics"]
    return {
        "title": breakdown["title"],
        "columns": [*by, "samples", "scored", *(titles[name] for name in names)],
        "rows": [
            [
                *(part["groups"][name] for name in by),
                part["samples"],
                part["scored"],
                *(part["metrics"][name] for name in names),
            ]
            for part in breakdown["parts"]
        ],
    }


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{_shown(low)} to {_shown(high)}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> list[str]:
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    return [*lines, *(f"| {' | '.join(_shown(cell) for cell in row)} |" for row in rows)]


def _shown(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case float():
            return f"{cell:.3f}"
        case int():
            return f"{cell:,}"
        case str():
            return cell.replace("|", "\\|").replace("\n", " ")


def _unanswered(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return []
    reasons = Counter(f"{row['status']}: {row['reason']}" for row in rows)
    counted = [f"- {count:,} {reason}" for reason, count in reasons.most_common(LISTED)]
    named = ", ".join(row["sample_id"] for row in rows[:LISTED])
    return ["", f"## Without an answer: {len(rows):,}", "", *counted, "", f"Such as: {named}"]


def _malformed(lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    rest = [f"- and {len(lines) - LISTED:,} more, in report.json"] if len(lines) > LISTED else []
    return [
        "",
        f"## Malformed in the dataset: {len(lines):,}",
        "",
        *(f"- {line}" for line in lines[:LISTED]),
        *rest,
    ]


def notice(is_demonstration: bool) -> dict[str, str]:
    """Return the notice of a model that is for demonstration, as a part of a report."""
    return {"notice": DEMONSTRATION_NOTICE} if is_demonstration else {}
