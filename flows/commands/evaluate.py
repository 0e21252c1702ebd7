"""The command that measures a checkpoint on a dataset: eval."""

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from flows.commands.ending import ending, refuse
from flows.commands.options import CheckpointOption
from flows.usage import UsageError


def evaluate(  # noqa: PLR0917 - typer gives names to them all
    name: Annotated[
        str,
        typer.Argument(
            help="dfew, crema-d, raf-db, disfa, bp4d, celeba, morph, utkface, ff++; or rendered-expression, "
            "-action-units, -attributes, -age, -deepfake.",
            show_default=False,
        ),
    ],
    root: Annotated[Path, typer.Option(help="Directory of the dataset, as distributed.")],
    checkpoint: CheckpointOption = None,
    recipe: Annotated[Path | None, typer.Option(help="How to read it and how to ask, as TOML.")] = None,
    split: Annotated[
        str | None,
        typer.Option(help="test, val, train, all, fold1, ...", show_default="the dataset's own"),
    ] = None,
    variant: Annotated[
        str | None, typer.Option(help="Which annotation or compression, e.g. perceived, c40.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="So many samples, spread over the split.")] = None,
    frame_step: Annotated[
        int, typer.Option(min=1, help="Of samples that are frames of a video, every n-th.")
    ] = 1,
    text: Annotated[
        bool, typer.Option("--text/--no-text", help="Also let it write, and read labels from that.")
    ] = True,
    whole_picture: Annotated[
        bool, typer.Option("--whole-picture", help="Pictures are tight crops: look for no face in them.")
    ] = False,
    calibrate: Annotated[
        Path | None, typer.Option(help="Fit a calibration card on another split, and write it here.")
    ] = None,
    calibrate_on: Annotated[str, typer.Option(help="The split to fit it on.")] = "val",
    method: Annotated[
        Literal["platt", "isotonic"], typer.Option(help="How it is fitted: a line, or any rising curve.")
    ] = "platt",
    calibration: Annotated[Path | None, typer.Option(help="Apply this calibration card.")] = None,
    judge: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Let this model rate the texts, at --judge-address.")
    ] = None,
    judge_address: Annotated[
        str, typer.Option(help="OpenAI-compatible base URL; its key is in OPENAI_API_KEY.")
    ] = "https://api.openai.com/v1",
    judged: Annotated[int, typer.Option(min=1, help="Rate the texts of so many samples.")] = 100,
    draws: Annotated[int, typer.Option(min=0, help="Bootstrap draws for the intervals.")] = 1000,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for lake and reports.", show_default="eval-NAME"),
    ] = None,
    readers: Annotated[
        int | None, typer.Option(min=1, help="Reader processes.", show_default="one per CPU")
    ] = None,
    describers: Annotated[
        int | None, typer.Option(min=1, help="Describer processes.", show_default="one per GPU, else one")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Measure a checkpoint on a dataset, by the same code as a scan; run it again to go on.

    The output folder gets report.md, report.json, predictions.parquet, metrics.parquet and a lake with
    everything behind them.

    Exit status: 0, also when some samples have no answer (the report counts them); 1 when the workers or the
    lake failed; 2 for bad usage, such as another layout, and when no card is worth making, or it was fitted
    on the same files (the report is written all the same); 130 when it was interrupted.
    """
    try:
        from flows.evaluate import evaluate as run
        from flows.evaluation.request import EvaluationRequest
    except ModuleNotFoundError as error:
        raise refuse(
            ValueError(f"eval needs {error.name}: install the extra `learn` (`make learn`)")
        ) from error
    from contextlib import redirect_stdout

    from flows.display.output import to_json
    from flows.evaluation.report import to_markdown
    from model.evaluation.bootstrap import BootstrapConfig
    from model.evaluation.calibration import CalibrationConfig
    from model.instruct.chat import ChatConfig, OpenAiChat
    from storage.lake import LakeError
    from workers.fleet import FleetError

    def tell(step: str) -> None:
        typer.echo(f"facesift eval: {step}", err=True)

    # Read here, and nowhere else.
    key = os.environ.get("OPENAI_API_KEY", "none")
    try:
        rater = OpenAiChat(ChatConfig(judge_address, judge), key) if judge else None
    except ValueError as error:
        raise refuse(error) from error
    if judge and not text:
        raise refuse(UsageError("--judge rates texts, and --no-text has none written"))
    with ending(LakeError, FleetError, OSError):
        request = EvaluationRequest(
            dataset=name,
            root=str(root),
            output=str(output or f"eval-{name}"),
            checkpoint=checkpoint,
            recipe=str(recipe) if recipe else None,
            split=split,
            variant=variant,
            limit=limit,
            frame_step=frame_step,
            has_text=text,
            is_whole_picture=whole_picture,
            calibrate=str(calibrate) if calibrate else None,
            calibrate_on=calibrate_on,
            calibration=str(calibration) if calibration else None,
            judged=judged,
            fitting=CalibrationConfig(method=method),
            bootstrap=BootstrapConfig(draws=draws),
            readers=readers,
            describers=describers,
            progress="bars" if sys.stderr.isatty() else "lines",
        )
        # Ray reports deaths on standard output, which is the report's.
        with redirect_stdout(sys.stderr):
            report = run(request, tell, rater)
    typer.echo(to_json(report) if as_json else to_markdown(report), nl=as_json)
