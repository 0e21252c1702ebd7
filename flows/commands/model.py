"""The commands about checkpoints: model inspect, model pull, model parity."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from flows.commands.ending import FAILED, OK, ending, refuse

if TYPE_CHECKING:
    from model.engines.engine import EngineKind

model_app = typer.Typer(help="Look at, fetch and verify Face-LLaVA checkpoints.", no_args_is_help=True)


@model_app.command("inspect")
def inspect_model(
    checkpoint: Annotated[str, typer.Argument(help="Directory or hub id.", show_default=False)],
    headers_only: Annotated[
        bool, typer.Option("--headers-only", help="Read no values: NaN and infinity stay unseen.")
    ] = False,
) -> None:
    """Print a checkpoint's parts, parameters, types and memory, and what does not fit; loads nothing.

    Exit status: 0 when it can be loaded and asked, 1 when its tokenizer, a tower's configuration, weights or
    tensors are missing, or tensors are unexpected, misshaped or not finite, 2 when there is no checkpoint or
    it cannot be read.
    """
    import torch

    from flows.display.models import print_incomplete, print_inspection
    from model.checkpoints.inspection import inspect_checkpoint
    from model.network.config import CheckpointError, IncompleteError

    try:
        found = inspect_checkpoint(checkpoint, None if headers_only else torch.float32)
    except IncompleteError as error:
        print_incomplete(error)
        raise typer.Exit(FAILED) from error
    except CheckpointError as error:
        raise refuse(error) from error
    print_inspection(found)
    raise typer.Exit(OK if found.is_complete else FAILED)


@model_app.command("pull")
def pull_model(
    checkpoint: Annotated[str, typer.Argument(help="Hub id, optionally with @revision.", show_default=False)],
) -> None:
    """Fetch a checkpoint, and the towers that it needs, into the local Hugging Face cache."""
    from flows.display.models import pull
    from model.network.config import CheckpointError

    try:
        directory = pull(checkpoint)
    except CheckpointError as error:
        raise refuse(error) from error
    typer.echo(str(directory))


@model_app.command("parity")
def check_model(
    directory: Annotated[Path, typer.Argument(help="Checkpoint with inputs and expected outputs.")],
    engine: Annotated[str, typer.Option(help="What runs the decoder: torch or vllm.")] = "torch",
) -> None:
    """Compare every tensor that a checkpoint leads to with what the official code computed.

    Exit status: 0 when all are within tolerance, 1 when one is not or vLLM dies, 2 when the directory cannot
    be used.
    """
    from flows.display.models import print_parity
    from model.checkpoints.parity import check_parity
    from model.engines.engine import EngineDiedError, NoReplyError
    from model.network.config import CheckpointError

    try:
        with ending(EngineDiedError, NoReplyError, goes_on="nothing was compared"):
            found = check_parity(directory, cast("EngineKind", engine))
    except (CheckpointError, ValueError) as error:
        raise refuse(error) from error
    print_parity(found)
    raise typer.Exit(OK if found.is_within else FAILED)
