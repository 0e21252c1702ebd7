"""What a scan did, for people and for machines."""

import sys
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.text import Text

STATUSES = ("done", "no_face", "failed", "duplicate", "skipped", "pending")
"""Every listed source has exactly one of these."""

SHOWN_FAILURES = 20
LISTED_FAILURES = 10_000
"""A summary names at most so many; the lake has them all."""

DEMONSTRATION_NOTICE = (
    "DEMONSTRATION MODEL: it knows rendered faces only; its labels and scores on real people mean nothing."
)


@dataclass(frozen=True, slots=True)
class ListedFailure:
    """A source of the archive that has no result, and why."""

    uri: str
    stage: str
    error: str
    message: str
    is_new: bool
    """False when an earlier scan failed on it, and this one did not try it again."""


@dataclass(frozen=True, slots=True)
class ScanSummary:
    """The whole account of one scan: `listed` equals the sum of `by_status`."""

    scan_id: str
    recipe_id: str
    model_id: str
    is_demonstration: bool
    lake: str
    listed: int
    planned: int
    """Sources of which this scan had to read at least the content."""
    by_status: dict[str, int]
    """What the lake says, at the end of this scan, of the sources that it listed."""
    videos_read: int
    """Videos that this scan read and committed; the counts below are theirs."""
    partial: int
    """Of them, read only in part; the videos table says why."""
    faces: int
    tracks: int
    clips: int
    findings: int
    video_s: float
    wall_s: float
    failures: tuple[ListedFailure, ...] = ()
    """The first `LISTED_FAILURES`."""
    reasons: dict[str, int] = field(default_factory=dict[str, int])
    """How many failed under `stage: error`, most frequent first; of all of them."""
    cpu_s: float = 0.0
    """Processor time of driver, readers and describers; not of Ray's and Prefect's own processes."""
    gpu_s: float = 0.0
    """Seconds in which describers worked, times the GPUs that they claim."""
    gpu_held_s: float = 0.0
    """Seconds in which they had a place, times the same."""

    @property
    def exit_code(self) -> int:
        """0 when every source is accounted for and none failed, else 1."""
        return 1 if self.by_status.get("failed", 0) or not self.adds_up else 0

    @property
    def adds_up(self) -> bool:
        """True when every listed source has a status."""
        return self.listed == sum(self.by_status.values())

    @property
    def cost(self) -> dict[str, float | None]:
        """Seconds per hour of video and per clip; None where there was no video or no clip."""
        hours = self.video_s / 3600
        return {
            "cpu_s_per_video_hour": self.cpu_s / hours if hours else None,
            "gpu_s_per_video_hour": self.gpu_s / hours if hours else None,
            "cpu_s_per_clip": self.cpu_s / self.clips if self.clips else None,
            "gpu_s_per_clip": self.gpu_s / self.clips if self.clips else None,
        }

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values: every field, and the notice when the model is for demonstration."""
        notice = {"notice": DEMONSTRATION_NOTICE} if self.is_demonstration else {}
        values = asdict(self)
        reasons = values.pop("reasons")
        more = {"cost": self.cost, "exit_code": self.exit_code, "failures_by_reason": reasons}
        return {**notice, **values, **more}

    @property
    def is_idle(self) -> bool:
        """True when there was nothing to read: every source is settled since an earlier scan."""
        return not self.planned


def print_summary(summary: ScanSummary, out: Console | None = None) -> None:
    """Print the account of a scan for people."""
    console = out or open_console()
    if summary.is_demonstration:
        console.print(Text(DEMONSTRATION_NOTICE, style="bold yellow"))
    if summary.listed and summary.is_idle:
        console.print("Nothing to do: the lake knows every source already.")
    for name, value in _lines(summary):
        console.print(Text(f"{name:<9}", style="dim") + Text(value))
    if summary.failures:
        failed = summary.by_status["failed"]
        console.print(Text(f"failed ({failed})", style="bold red"))
        for failure in summary.failures[:SHOWN_FAILURES]:
            console.print(Text(f"  {printable(failure.uri)}"))
            console.print(Text(f"    {failure.stage}: {failure.error}: {printable(failure.message)}"))
        if failed > SHOWN_FAILURES:
            hidden = failed - SHOWN_FAILURES
            console.print(f"  and {hidden} more: facesift query 'from failures' --lake {summary.lake}")


def _lines(summary: ScanSummary) -> list[tuple[str, str]]:
    """Return the lines of the summary, name and value."""
    counts = ", ".join(f"{summary.by_status.get(status, 0):,} {status}" for status in STATUSES)
    warning = "" if summary.adds_up else "  DOES NOT ADD UP"
    lines = [
        ("lake", summary.lake),
        ("recipe", f"{summary.recipe_id}, model {summary.model_id}"),
        ("sources", f"{summary.listed:,} listed = {counts}{warning}"),
    ]
    if not summary.is_idle:
        lines += _work_lines(summary)
    if summary.failures:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in summary.reasons.items())
        lines.append(("failures", reasons))
    return lines


def _work_lines(summary: ScanSummary) -> list[tuple[str, str]]:
    """Return the lines about what was read."""
    partial = f", {summary.partial:,} only in part" if summary.partial else ""
    time = f"{summary.video_s:,.1f} s of video in {summary.wall_s:,.1f} s"
    if summary.video_s:
        time += f" ({summary.video_s / summary.wall_s:.2f} s per second)"
    return [
        ("videos", f"{summary.videos_read:,} read{partial}"),
        ("faces", f"{summary.faces:,} in {summary.tracks:,} tracks"),
        ("clips", f"{summary.clips:,} with {summary.findings:,} findings"),
        ("time", time),
        *([("cost", _cost(summary))] if summary.cpu_s else []),
    ]


def _cost(summary: ScanSummary) -> str:
    """Return what the scan has taken, and what that makes per hour of video and per clip."""
    text = f"{summary.cpu_s:,.1f} CPU s"
    if summary.gpu_held_s:
        busy = summary.gpu_s / summary.gpu_held_s
        text += f", {summary.gpu_s:,.1f} GPU s ({busy:.0%} of those held)"
    for unit, name in (("video_hour", "hour of video"), ("clip", "clip")):
        cpu_s, gpu_s = summary.cost[f"cpu_s_per_{unit}"], summary.cost[f"gpu_s_per_{unit}"]
        if cpu_s is not None:
            text += f"; per {name} {cpu_s:,.1f} CPU s" + (f" and {gpu_s:,.2f} GPU s" if gpu_s else "")
    return text


def open_console() -> Console:
    """Return a console as wide as the terminal, or one that never breaks a line where there is none."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 10_000)


def printable(text: str) -> str:
    """Return text on one line, control characters made visible: names in an archive can hold anything."""
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)
