import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet
from typer.main import get_command
from typer.testing import CliRunner

from flows.cli import app
from flows.recipe import Recipe
from workers.fleet import FleetConfig


def run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


def test_help_loads_neither_torch_nor_ray() -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom flows.cli import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "print([m for m in ('torch', 'ray', 'prefect', 'duckdb', 'transformers') if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_help_names_the_defaults_that_are_found_later() -> None:
    commands: Any = get_command(app)
    for name, command in commands.commands.items():
        for option in command.params:
            assert "[" not in (option.help or ""), f"{name}: {option.name}: markup to the terminal"
    shown = {option.name: option.show_default for option in commands.commands["scan"].params}
    assert shown["checkpoint"] == "demonstration"
    fleet = FleetConfig()
    assert (float(shown["queued_batches"]), float(shown["stall_seconds"])) == (
        fleet.queued_batches,
        fleet.stall_s,
    )
    result = CliRunner().invoke(app, ["scan", "--help"], env={"COLUMNS": "200", "TERMINAL_WIDTH": "200"})
    assert "[default: (demonstration)]" in result.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["scan", "{tmp}/nowhere", "--lake", "{tmp}/lake"], "nowhere"),
        (["scan", "{tmp}", "--lake", "{tmp}/full"], "lake.json"),
        (["scan", "{tmp}", "--lake", "{tmp}/lake", "--recipe", "{tmp}/none.toml"], "no such file"),
        (["scan", "{tmp}", "--lake", "{tmp}/lake", "--tasks", "mood"], "no question is called mood"),
        (["scan", "{tmp}", "--lake", "{tmp}/lake", "--tasks", ""], "tasks is empty"),
        (["scan", "{tmp}", "--lake", "{tmp}/lake", "--checkpoint", "{tmp}/full"], "config.json"),
        (["query", "select 1", "--lake", "{tmp}/lake"], "there is no lake"),
        (["status", "--lake", "{tmp}/lake"], "there is no lake"),
        (["recipe", "{tmp}/none.toml"], "no such file"),
    ],
)
def test_bad_usage_says_what_to_do_and_ends_with_2(arguments: list[str], says: str, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thing").touch()
    code, _, error = run(*(argument.format(tmp=tmp_path) for argument in arguments))
    assert code == 2
    assert says in error
    assert "Traceback" not in error
    assert not (tmp_path / "lake").exists()


def test_recipe_prints_what_it_reads(tmp_path: Path) -> None:
    code, text, _ = run("recipe")
    assert code == 0
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    assert Recipe.read(path) == Recipe()
    assert run("recipe", path) == (0, text, "")


def test_synth_writes_films_and_what_they_show(tmp_path: Path) -> None:
    code, text, _ = run("synth", "--videos", "1", "--seed", "3", "--out", tmp_path / "films")
    assert code == 0
    labels = parquet.read_table(tmp_path / "films" / "labels.parquet").to_pylist()
    assert {label["file"] for label in labels} == {"000.mp4"}
    assert f"1 videos with {len(labels)} labelled faces" in text
    assert (tmp_path / "films" / "000.mp4").stat().st_size > 10_000
    (tmp_path / "file").touch()
    code, _, error = run("synth", "--out", tmp_path / "file")
    assert code == 1
    assert error.startswith("facesift: ")
    assert "File exists" in error


def test_tables_lists_what_other_peoples_sql_relies_on() -> None:
    code, text, _ = run("tables")
    assert code == 0
    for view in ("sources", "videos", "tracks", "boxes", "clips", "answers", "findings", "failures"):
        assert f"\n{view}\n" in f"\n{text}"
