"""How checkpoints are shown on a terminal."""

from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from flows.summary import DEMONSTRATION_NOTICE, open_console
from model.checkpoints.hub import Progress as Fetched
from model.checkpoints.inspection import Inspection, pull_checkpoint
from model.checkpoints.parity import Parity, official_tensors
from model.network.config import FaceLlavaConfig, IncompleteError

GIB = 2**30

_INCOMPLETE = "this checkpoint cannot be used as it is"

_GEOMETRY = {
    "simple": "no mask, as released",
    "masked": "softmax of minus the distance, rows and columns swapped, as released",
    "geometric": "minus the distance, axes right, as the paper draws it",
}


def print_inspection(found: Inspection, out: Console | None = None) -> None:
    """Print what a checkpoint holds, what it needs, and what does not fit."""
    console = out or open_console()
    if found.is_demonstration:
        console.print(Text(DEMONSTRATION_NOTICE, style="bold yellow"))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, side in (("part", "left"), ("tensors", "right"), ("parameters", "right"), ("size", "right")):
        table.add_column(column, justify="right" if side == "right" else "left")
    table.add_column("types")
    for part in found.parts:
        counts = (f"{part.tensors:,}", f"{part.parameters:,}", _size_text(part.size_bytes))
        table.add_row(part.name, *counts, ", ".join(part.dtypes))
    console.print(table)
    files = f"{len(found.files)} file{'s' * (len(found.files) != 1)}"
    console.print(Text(f"{found.parameters:,} parameters in {files} of {found.directory}"))
    tower = found.config.video_tower
    clip_tokens = tower.frames * found.config.frame_tokens if tower else found.config.image_tokens
    in_float32, in_bfloat16 = (_size_text(found.weights_bytes(kind)) for kind in ("float32", "bfloat16"))
    in_8bit, in_4bit = (_size_text(found.weights_bytes("bfloat16", bits)) for bits in ("8bit", "4bit"))
    console.print(
        f"memory: weights {in_float32} in float32, {in_bfloat16} in bfloat16, {in_8bit} with the decoder in "
        f"8 bits, {in_4bit} in 4; a clip's {clip_tokens:,} visual tokens "
        f"{_size_text(found.cache_bytes(clip_tokens))} in bfloat16"
    )
    console.print(f"{_branch_text(found.config)}; {found.dormant} tensors never act")
    for tower, origin in found.tower_origins:
        console.print(Text(f"{tower}: weights from {origin}"))
    if found.tokenizer_problem is not None:
        console.print(Text(f"questions cannot be asked: {found.tokenizer_problem}", style="red"))
    for kind in ("missing", "unexpected", "misshaped", "not_finite"):
        for name in getattr(found, kind):
            console.print(Text(f"{kind.replace('_', ' ')}: {name}", style="red"))
    if found.is_loadable:
        looked = "no value was read" if found.dtype is None else f"all values are finite in {found.dtype}"
        console.print(Text(f"weights: none missing, unexpected or misshaped; {looked}", style="green"))
    if not found.is_complete:
        console.print(Text(_INCOMPLETE, style="bold red"))


def print_incomplete(error: IncompleteError, out: Console | None = None) -> None:
    """Print which files a checkpoint lacks, of which without them no more can be told."""
    console = out or open_console()
    for problem in error.problems:
        console.print(Text(f"missing: {problem}", style="red"))
    console.print(Text(_INCOMPLETE, style="bold red"))


def _size_text(size_bytes: int) -> str:
    if size_bytes >= GIB:
        return f"{size_bytes / GIB:.2f} GiB"
    return f"{size_bytes / 2**20:.1f} MiB"


def _branch_text(config: FaceLlavaConfig) -> str:
    """Return what the landmark branch is, geometry and scale stated."""
    kind = config.cross_attention
    if kind == "none":
        return "no landmark branch: this is Video-LLaVA, which looks at no landmarks"
    return f"landmark branch: {kind} ({_GEOMETRY[kind]}), scale {config.branch_scale:g}"


def print_parity(found: Parity, out: Console | None = None) -> None:
    """Print the largest error of every tensor against its tolerance, what is not there, and the verdict."""
    console = out or open_console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("tensor")
    for column in ("largest error", "atol", "rtol"):
        table.add_column(column, justify="right")
    table.add_column("verdict")
    for row in found.rows:
        verdict = Text("ok") if row.is_within else Text(f"OVER {row.note}".rstrip(), style="bold red")
        table.add_row(Text(row.tensor), f"{row.max_abs_error:.2e}", f"{row.atol:g}", f"{row.rtol:g}", verdict)
    console.print(table)
    absent = sorted(set(official_tensors(found.kind)) - {row.tensor for row in found.rows})
    if absent:
        console.print(Text(f"not in this directory, so not compared ({len(absent)}): {', '.join(absent)}"))
    over = sum(not row.is_within for row in found.rows)
    console.print(f"{len(found.rows)} tensors compared, {over} over tolerance")


def pull(checkpoint: str) -> Path:
    """Fetch a checkpoint with a progress bar on standard error; return its directory.

    Raises:
        CheckpointError: there is no such repository, or the hub cannot be reached.
    """
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    bars = Progress(*columns, console=Console(stderr=True))
    bar = bars.add_task(checkpoint, total=None)
    with ExitStack() as shown:

        def report(progress: Fetched) -> None:
            if not bars.live.is_started:  # only now is there something to show
                shown.enter_context(bars)
            named = f"{progress.model_id}: {progress.file}"
            bars.update(bar, description=named, completed=progress.done_bytes, total=progress.total_bytes)

        return pull_checkpoint(checkpoint, report)
