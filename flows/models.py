"""How checkpoints are shown on a terminal."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from flows.summary import DEMONSTRATION_NOTICE, open_console
from model.hub import Progress as Fetched
from model.inspection import Inspection, pull_checkpoint
from model.parity import ParityRow

GIB = 2**30


def print_inspection(found: Inspection, out: Console | None = None) -> None:
    """Print what a checkpoint holds, what it needs, and what does not fit."""
    console = out or open_console()
    if found.is_demonstration:
        console.print(Text(DEMONSTRATION_NOTICE, style="bold yellow"))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, side in (("part", "left"), ("tensors", "right"), ("parameters", "right"), ("GiB", "right")):
        table.add_column(column, justify="right" if side == "right" else "left")
    table.add_column("types")
    for part in found.parts:
        size = f"{part.size_bytes / GIB:.3f}"
        table.add_row(part.name, f"{part.tensors:,}", f"{part.parameters:,}", size, ", ".join(part.dtypes))
    console.print(table)
    console.print(f"{found.parameters:,} parameters in {len(found.files)} files of {found.directory}")
    clip_tokens = found.config.frames * found.config.frame_tokens
    loaded = {kind: found.weights_bytes(kind) / GIB for kind in ("float32", "bfloat16")}
    console.print(
        f"memory: weights {loaded['bfloat16']:.2f} GiB in bfloat16, {loaded['float32']:.2f} GiB in float32; "
        f"a clip's {clip_tokens:,} visual tokens {found.cache_bytes(clip_tokens) / GIB:.3f} GiB in bfloat16"
    )
    console.print(f"cross-attention {found.config.cross_attention}, {found.dormant} tensors never act")
    for tower, origin in found.tower_origins:
        console.print(f"{tower}: weights from {origin}")
    if not found.has_tokenizer:
        console.print(Text("tokenizer.model is missing: questions cannot be asked", style="bold red"))
    for kind in ("missing", "unexpected", "misshaped"):
        for name in getattr(found, kind):
            console.print(Text(f"{kind}: {name}", style="red"))


def print_parity(rows: Sequence[ParityRow], out: Console | None = None) -> None:
    """Print the largest error of every tensor against its tolerance, and a last line with the verdict."""
    console = out or open_console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("tensor")
    for column in ("largest error", "atol", "rtol"):
        table.add_column(column, justify="right")
    table.add_column("verdict")
    for row in rows:
        verdict = Text("ok") if row.is_within else Text(f"OVER {row.note}".rstrip(), style="bold red")
        table.add_row(row.tensor, f"{row.max_abs_error:.2e}", f"{row.atol:g}", f"{row.rtol:g}", verdict)
    console.print(table)
    over = sum(not row.is_within for row in rows)
    console.print(f"{len(rows)} tensors compared, {over} over tolerance")


def pull(checkpoint: str) -> Path:
    """Fetch a checkpoint with a progress bar on standard error; return its directory.

    Raises:
        CheckpointError: there is no such repository, or the hub cannot be reached.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        bar = bars.add_task(checkpoint, total=None)

        def report(progress: Fetched) -> None:
            done, total = progress.done_bytes, progress.total_bytes
            bars.update(bar, description=progress.model_id, completed=done, total=total)

        return pull_checkpoint(checkpoint, report)
