"""`facesift describe`: the same reader and describer as a scan, on one file."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from flows.cli import app
from flows.describe import DescribeRequest, Description, describe_file
from flows.display.portrait import MAX_FACES, check_picture_path, draw_description
from flows.recipe import PinnedRecipe, Recipe
from flows.usage import UsageError
from model.demonstration import write_untrained_checkpoint
from model.engines.engine import EngineDiedError, NoReplyError
from model.network.config import CheckpointError
from storage.catalog import Catalog
from tests.storage.rows import MadeTables
from workers.describer import Describer
from workers.reader import Chunk, Reader, RowIds

RECIPE = Recipe(tasks=("expression", "age", "action_units"))


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)  # on busy cores, several wait for each other far longer than they work
    return write_untrained_checkpoint(tmp_path_factory.mktemp("checkpoint") / "demonstration")


@pytest.fixture(scope="session")
def pinned(checkpoint: Path) -> PinnedRecipe:
    return RECIPE.pin(str(checkpoint))


@pytest.fixture(scope="session")
def found(films: Path, pinned: PinnedRecipe) -> Description:
    return describe_file(DescribeRequest(str(films / "000.mp4"), clips=2), pinned)


def run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["describe", *(str(argument) for argument in arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_says_what_a_scan_would_have_said(films: Path, pinned: PinnedRecipe, found: Description) -> None:
    reader, ids = Reader(pinned.recipe.reader), RowIds(pinned.recipe_id, "a", "s")
    fetched = reader.fetch(DescribeRequest(str(films / "000.mp4")).find())
    cuts = [cut for part in reader.read(fetched, ids) if isinstance(part, Chunk) for cut in part.cuts]
    rows = Describer(pinned.describer()).describe(cuts).findings
    scanned = {(row.clip_id, row.question, row.label): row.score for row in rows}
    accounts = [account for face in found.faces for account in face.clips]
    assert accounts
    for account in accounts:
        for row in account.findings:
            assert row.score == pytest.approx(scanned[row.clip_id, row.question, row.label], abs=1e-5)
    best = {cut.record.track_id: 0.0 for cut in cuts}
    for cut in cuts:
        best[cut.record.track_id] = max(best[cut.record.track_id], cut.record.quality)
    assert {face.track.track_id: face.clips[0].clip.quality for face in found.faces} == best


def test_every_question_and_label_is_answered(found: Description) -> None:
    assert found.is_answered
    for face in found.faces:
        for account in face.clips:
            assert tuple(answer.question for answer in account.answers) == RECIPE.tasks
            assert len(account.findings_of("expression")) == 7
            assert len(account.findings_of("action_units")) == 15
            assert [row.label for row in account.findings_of("age")] == ["age_years"]


def test_the_expected_age_follows_from_what_is_kept(found: Description, tmp_path: Path) -> None:
    accounts = [account for face in found.faces for account in face.clips]
    rows = [row for account in accounts for row in (account.clip, *account.answers, *account.findings)]
    sql = """
        with outcomes as (
            select clip_id, unnest(numbers) as years, exp(unnest(number_log_probs)) as likelihood from answers
        ),
        expected as (
            select
                clip_id,
                sum(years * likelihood) / sum(likelihood) as years,
                sum(years ** 2 * likelihood) / sum(likelihood) as squared
            from outcomes
            group by clip_id
        )
        select abs(findings.score - years), abs(findings.spread - sqrt(squared - years ** 2))
        from expected
        inner join findings using (clip_id)
        where findings.label = 'age_years'
    """
    with Catalog(MadeTables(tmp_path, [found.video, *rows])).connect() as connection:
        errors = connection.execute(sql).fetchall()
    assert len(errors) == len(accounts)
    assert np.max(errors) < 1e-3


def test_the_picture_shows_what_the_model_saw(found: Description) -> None:
    page = cv2.imdecode(np.frombuffer(draw_description(found), np.uint8), cv2.IMREAD_COLOR)
    assert page is not None
    account = found.faces[0].clips[0]
    # The first of the clip's frames, 132 px wide, lies below the large one.
    crop = cv2.resize(account.pixels.crops[0], (134, 134), interpolation=cv2.INTER_AREA)[..., ::-1]
    match = cv2.matchTemplate(page, np.ascontiguousarray(crop[20:100, 20:100]), cv2.TM_SQDIFF_NORMED)
    assert match.min() < 0.01
    assert page.shape[1] == 1640


def test_one_track_can_be_chosen(films: Path, pinned: PinnedRecipe, found: Description) -> None:
    index = found.faces[-1].track.track_index
    chosen = describe_file(DescribeRequest(str(films / "000.mp4"), track=index), pinned)
    assert [face.track.track_index for face in chosen.faces] == [index]
    assert chosen.tracks == found.tracks
    with pytest.raises(UsageError, match="no track 99; its tracks are 0"):
        describe_file(DescribeRequest(str(films / "000.mp4"), track=99), pinned)


def test_table_json_and_picture_carry_the_notice(films: Path, checkpoint: Path, tmp_path: Path) -> None:
    arguments = (films / "001.mp4", "--checkpoint", checkpoint, "--tasks", "age")
    code, text, error = run(*arguments, "--picture", tmp_path / "face.png")
    assert (code, error) == (0, "")
    assert text.startswith("DEMONSTRATION MODEL")
    assert "age_years" in text
    page = cv2.imread(str(tmp_path / "face.png"))
    assert page is not None
    assert tuple(page[2, 2]) == (60, 190, 246)  # the band of the notice, BGR
    code, text, _ = run(*arguments, "--json")
    values = json.loads(text)
    assert code == 0
    assert values["notice"].startswith("DEMONSTRATION MODEL")
    answer = values["faces"][0]["clips"][0]["answers"][0]
    assert answer["question"] == "age"
    assert answer["scores"][0]["unit"] == "years"


def test_without_a_face_it_says_so_and_fails(films: Path, checkpoint: Path, tmp_path: Path) -> None:
    arguments = (films / "003.mp4", "--checkpoint", checkpoint, "--tasks", "age")
    code, text, _ = run(*arguments, "--picture", tmp_path / "none.jpg")
    assert code == 1
    assert "no face found" in text
    assert (tmp_path / "none.jpg").exists()
    assert json.loads(run(*arguments, "--json")[1])["faces"] == []


@pytest.mark.parametrize(
    ("name", "status", "says"),
    [
        ("broken.mp4", 1, "decode: broken.mp4"),
        ("empty.mp4", 1, "decode: empty.mp4"),
        ("nowhere.mp4", 2, "nowhere.mp4"),
        ("", 2, "is a folder; describe one file"),
        ("notes.txt", 2, "neither image nor video"),
    ],
)
def test_what_is_no_video_is_one_line(
    name: str, status: int, says: str, checkpoint: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.mp4").write_text("no video\n" * 99)
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "notes.txt").touch()
    code, text, error = run(tmp_path / name, "--checkpoint", checkpoint)
    assert (code, text) == (status, "")
    assert says in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "error",
    [
        EngineDiedError("vLLM does not start"),
        NoReplyError("nobody is there"),
        ValueError("no finite likelihoods for a blank clip"),
        CheckpointError("name", ("is not what this scan was started with",)),
        torch.OutOfMemoryError("no memory for 7 GiB"),
    ],
)
def test_an_engine_that_fails_is_one_line(
    error: Exception, films: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_engine(*_: object) -> None:
        raise error

    monkeypatch.setattr("workers.describer.open_engine", open_engine)
    code, text, said = run(films / "000.mp4", "--checkpoint", checkpoint, "--tasks", "age")
    assert (code, text, said.count("\n")) == (1, "", 1)
    assert said.startswith("facesift: describe: ")
    assert str(error) in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--tasks", "mood"], "no question is called mood"),
        (["--picture", "{tmp}/face.gif"], "name the picture .png or .jpg"),
        (["--picture", "{tmp}/none/face.png"], "there is no folder"),
        (["--checkpoint", "{tmp}"], "config.json is missing"),
        (["--recipe", "{tmp}/none.toml"], "no such file"),
    ],
)
def test_bad_usage_is_found_before_the_file_is_read(
    arguments: list[str], says: str, films: Path, tmp_path: Path
) -> None:
    code, _, error = run(films / "000.mp4", *(argument.format(tmp=tmp_path) for argument in arguments))
    assert code == 2
    assert says in error


def test_a_picture_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        check_picture_path(tmp_path / "folder.png")


def test_a_crowd_is_cut_short_in_the_picture(found: Description) -> None:
    crowd = replace(found, faces=found.faces[:1] * (MAX_FACES + 3))
    page = cv2.imdecode(np.frombuffer(draw_description(crowd, ".jpg"), np.uint8), cv2.IMREAD_COLOR)
    alone = cv2.imdecode(
        np.frombuffer(draw_description(replace(found, faces=found.faces[:1])), np.uint8), cv2.IMREAD_COLOR
    )
    assert page is not None
    assert alone is not None
    assert page.shape[0] < (MAX_FACES + 1) * alone.shape[0]
