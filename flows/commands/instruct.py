"""The command that builds instruction data: instruct."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.ending import FAILED, ending
from flows.usage import UsageError


def instruct(  # noqa: PLR0917 - typer gives names to them all
    name: Annotated[
        str,
        typer.Argument(
            help="dfew, crema-d, raf-db, disfa, bp4d, celeba, morph, utkface or ff++.", show_default=False
        ),
    ],
    root: Annotated[Path, typer.Option(help="Directory of the dataset, as distributed.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the data; run it again to go on.")
    ],
    config: Annotated[
        Path | None,
        typer.Option(help="Writer, judge, threshold and prices, as TOML.", show_default="labels only"),
    ] = None,
    variant: Annotated[
        str | None, typer.Option(help="Which annotation or compression, e.g. perceived, c40.")
    ] = None,
    fold: Annotated[
        int, typer.Option(min=1, help="Of DFEW, DISFA and BP4D: the fold to hold out as test.")
    ] = 1,
    limit: Annotated[int | None, typer.Option(min=1, help="So many samples at most, spread.")] = None,
    frame_step: Annotated[
        int, typer.Option(min=1, help="Of samples that are frames of a video, every n-th.")
    ] = 1,
    whole_picture: Annotated[
        bool, typer.Option("--whole-picture", help="Pictures are tight crops: look for no face in them.")
    ] = False,
    readers: Annotated[int, typer.Option(min=1, help="Processes that look for faces.")] = 1,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before it costs something.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the statistics as JSON.")] = False,
) -> None:
    """Build instruction data from a dataset: one face each, described by a model, rated by another.

    The folder gets train.json, val.json and test.json in the official conversation format with the media
    that they name, instruct.parquet with the provenance of every sample, statistics.json, and sheet.html to
    look at. Keys of the models' addresses are in FACESIFT_WRITER_KEY and FACESIFT_JUDGE_KEY, else in
    OPENAI_API_KEY.

    Exit status: 0; 1 when no sample was kept, the models fail or the folder cannot be written; 2 for bad
    usage, and where the price was not agreed to; 130 when it was interrupted.
    """
    from concurrent.futures import BrokenExecutor

    from flows.display.hush import hushed
    from flows.display.output import to_json
    from flows.instruct import Instruct, InstructRequest
    from flows.recipe_file import read_config
    from model.instruct.chat import ChatError, OpenAiChat
    from model.instruct.config import InstructConfig

    voices = [sys.stderr]

    def tell(step: str) -> None:
        typer.echo(f"facesift instruct: {step}", file=voices[-1])

    shared = os.environ.get("OPENAI_API_KEY", "none")
    with ending(OSError, ChatError, BrokenExecutor):  # the last: a process that looked for faces has died
        settings = read_config(InstructConfig, config) if config else InstructConfig()
        request = InstructRequest(
            dataset=name,
            root=str(root),
            output=str(output),
            variant=variant,
            fold=fold,
            limit=limit,
            frame_step=frame_step,
            is_whole_picture=whole_picture,
            readers=readers,
            config=settings,
        )
        writer = settings.writer and OpenAiChat(
            settings.writer, os.environ.get("FACESIFT_WRITER_KEY", shared)
        )
        judge = settings.judge and OpenAiChat(settings.judge, os.environ.get("FACESIFT_JUDGE_KEY", shared))
        building = Instruct(request, writer, judge, tell)
        with hushed() as voice:
            voices.append(voice)
            cost = building.find_faces()
        voices.pop()
        tell(
            f"{cost.calls:,} calls, about {cost.prompt_tokens:,} tokens in, {cost.answer_tokens:,} out and "
            f"{cost.price:,.2f} {settings.currency}, less what is kept already: {building.kept_answers:,} "
            "answers"
        )
        if cost.calls and not yes and not (sys.stdin.isatty() and typer.confirm("Go on?", err=True)):
            raise UsageError("not agreed to; --yes goes on without asking")
        found = building.write()
    if as_json:
        typer.echo(to_json(found))
    else:
        for status, count in found["by_status"].items():
            typer.echo(f"{count:>9,} {status}")
        typer.echo(f"{len(found['malformed']):>9,} malformed lines, see {output}/statistics.json")
        typer.echo(f"wrote {output}; look at {output}/sheet.html")
    raise typer.Exit(0 if found["kept"] else FAILED)
