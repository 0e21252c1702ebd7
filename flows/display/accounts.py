"""How the description of one file is shown on a terminal."""

from collections.abc import Sequence
from itertools import zip_longest

from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.describe import ClipAccount, Description, FaceAccount
from flows.summary import DEMONSTRATION_NOTICE, open_console, printable
from storage.records import AnswerRecord, Finding, Track, Video

BAR_LETTERS = 10
PACKED_FROM = 10
"""Labels from which a question's scores are shown in several columns."""
COLUMNS = 3


def print_description(found: Description, out: Console | None = None) -> None:
    """Print a table of labels with scores per face, and what the model wrote."""
    console = out or open_console()
    identity = found.pinned.identity
    if identity.is_demonstration:
        console.print(Text(DEMONSTRATION_NOTICE, style="bold yellow"))
    video = found.video
    console.print(Text(printable(video.uri), style="bold"))
    facts = f"{shape_text(video)}, {video.codec}; model {identity.model_id}, recipe {found.pinned.recipe_id}"
    console.print(Text(facts, style="dim"))
    if video.is_partial:
        console.print(Text(f"read only in part: {printable(video.partial_reason or '')}", style="yellow"))
    if not found.tracks:
        console.print("no face found")
    for face in found.faces:
        _print_face(face, console)


def _print_face(face: FaceAccount, console: Console) -> None:
    track = face.track
    console.print()
    console.print(
        Text(f"face t{track.track_index}", style="bold") + Text(f"  {track_text(track)}", style="dim")
    )
    if not face.clips:
        console.print(Text(f"cannot be described: {track.no_clip_reason or 'no clip'}", style="yellow"))
    for account in face.clips:
        if len(face.clips) > 1:
            clip = account.clip
            console.print(Text(f"clip {clip.start_s:.2f} to {clip.end_s:.2f} s, quality {clip.quality:.2f}"))
        _print_clip(account, console)


def _print_clip(account: ClipAccount, console: Console) -> None:
    if account.clip.no_answer_reason is not None:
        console.print(Text(f"no answer: {printable(account.clip.no_answer_reason)}", style="red"))
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True, vertical="top")
    table.add_column()
    for answer in account.answers:
        table.add_row(answer.question, _score_table(account.findings_of(answer.question)))
        if answer.text:
            table.add_row("", _said(answer))
        table.add_row()
    console.print(table)


def _score_table(findings: Sequence[Finding]) -> Table:
    """Return the scores, the highest first, down the columns."""
    ranked = sorted(findings, key=lambda finding: -finding.score)
    columns = COLUMNS if len(ranked) >= PACKED_FROM else 1
    height = -(-len(ranked) // columns)
    table = Table.grid(padding=(0, 2))
    for cells in zip_longest(*(ranked[start : start + height] for start in range(0, len(ranked), height))):
        table.add_row(*(cell for finding in cells if finding for cell in _score_cells(finding)))
    return table


def _score_cells(finding: Finding) -> tuple[Text, Text, Text]:
    label = Text(printable(finding.label))
    if finding.unit != "probability":
        return label, Text(score_text(finding)), Text()
    is_likely = finding.score >= 0.5
    filled = round(finding.score * BAR_LETTERS)
    bar = Text("█" * filled + "·" * (BAR_LETTERS - filled), style="green" if is_likely else "dim")
    return label, Text(score_text(finding), style="bold" if is_likely else ""), bar


def shape_text(video: Video) -> str:
    """Return a file's size and length: `640 × 360 px, 2.40 s`."""
    length = f"{video.duration_s:.2f} s" if video.frames_decoded > 1 else "one frame"
    return f"{video.width_px} × {video.height_px} px, {length}"


def track_text(track: Track) -> str:
    """Return where a face was seen."""
    if track.frames == 1:
        return f"seen once, at {track.start_s:.2f} s, quality {track.quality:.2f}"
    seen = f"seen from {track.start_s:.2f} to {track.end_s:.2f} s in {track.frames} boxes"
    return f"{seen}, quality {track.quality:.2f}"


def score_text(finding: Finding) -> str:
    """Return a score as people read it: `0.731`, or `47.3 ± 22.1 years`."""
    if finding.unit == "probability":
        return f"{finding.score:.3f}"
    spread = "" if finding.spread is None else f" ± {finding.spread:.1f}"
    return f"{finding.score:.1f}{spread} {finding.unit}"


def read_text(answer: AnswerRecord) -> str:
    """Return what was read from the text: `ok: happiness`, `ambiguous: fear, anger`, `refused`."""
    labels = ", ".join(answer.parsed_labels)
    if answer.parse_status == "ok":
        return f"ok: {labels or 'none of the labels'}"
    return f"{answer.parse_status}: {labels}" if labels else answer.parse_status


def _said(answer: AnswerRecord) -> Text:
    said = " ".join(answer.text.split())
    return Text(f"wrote ({read_text(answer)}): ", style="italic") + Text(f"“{printable(said)}”", style="dim")
