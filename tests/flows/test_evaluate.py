"""Whole evaluations over miniature datasets; the scan in them is played."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet
from typer.testing import CliRunner

import flows.evaluate
from flows.cli import app
from flows.evaluate import evaluate
from flows.evaluation.request import EvaluationRequest
from flows.usage import UsageError
from model.datasets.dataset import hashed_split
from model.evaluation.bootstrap import BootstrapConfig
from model.evaluation.card import CalibrationCard
from model.instruct.chat import Reply
from model.synthetic.archive import write_labels
from model.synthetic.film import Label
from storage.catalog import Catalog
from storage.lake import Lake
from tests.flows.played_scan import PlayedScan
from tests.model.datasets import miniatures

Evaluate = Callable[..., dict[str, Any]]


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> PlayedScan:
    scan = PlayedScan()
    monkeypatch.setattr(flows.evaluate, "scan_here", scan)
    return scan


@pytest.fixture
def run(tmp_path: Path, played: PlayedScan, monkeypatch: pytest.MonkeyPatch) -> Evaluate:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path.parent / "cache"))

    def run(name: str, judge: PlayedJudge | None = None, **changed: Any) -> dict[str, Any]:
        values: dict[str, Any] = {"root": str(tmp_path / "data"), "output": str(tmp_path / "out")}
        request = EvaluationRequest(
            dataset=name, bootstrap=BootstrapConfig(draws=20), **{**values, **changed}
        )
        return evaluate(request, judge=judge)

    return run


def say(path: Path, *faces: dict[str, float], **more: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"file": str(path), "faces": list(faces), **more}))


def test_ages_from_scores_and_text(run: Evaluate, played: PlayedScan, tmp_path: Path) -> None:
    data = tmp_path / "data"
    miniatures.utkface(data)
    say(data / "26_1_2_20170116184024662.jpg.chip.jpg", {"age_years": 30.0}, said=["28"])
    say(data / "1_0_0_20161219140623097.jpg", {"age_years": 2.0}, status="refused", text="I can't tell.")
    say(data / "100_1_0_20170112213500903.jpg.chip.jpg")
    (data / "50_1_0_2017.jpg").write_text("no JSON")
    report = run("utkface", split="all")
    scores, text = report["readings"]
    assert scores["coverage"] == {
        "expected": 4,
        "scored": 2,
        "no_face": 1,
        "refused": 0,
        "unparsable": 0,
        "failed": 1,
    }
    assert scores["metrics"]["mae"]["value"] == pytest.approx((4 + 1) / 2)
    assert text["coverage"]["refused"] == 1
    assert text["metrics"]["mae"]["value"] == pytest.approx(2)
    assert len(report["malformed"]) == 6
    assert report["notice"]
    assert {"method": "Face-LLaVA", "setting": "zero-shot", "metrics": {"mae": 4.89}} in report["published"]
    out = tmp_path / "out"
    assert json.loads((out / "report.json").read_text()) == json.loads(json.dumps(report))
    page = (out / "report.md").read_text()
    assert "Expected 4 = 2 scored + 1 no face + 0 refused + 0 unparsable + 1 failed." in page
    assert "| zero-shot | Face-LLaVA | 4.890 |" in page
    assert "DEMONSTRATION" in page
    rows = parquet.read_table(out / "predictions.parquet").to_pylist()
    assert len(rows) == 8
    assert {(row["is_demonstration"], row["model_id"]) for row in rows} == {(True, report["model_id"])}
    catalog = Catalog(Lake.open(out / "lake"))
    assert [row["expected"] for row in catalog.view("evaluations").to_pylist()] == [4]
    assert catalog.view("predictions", read_from="scores", status="scored").num_rows == 2
    # Again: nothing is read twice, and there are two evaluations.
    read = list(played.read)
    again = run("utkface", split="all")
    assert played.read == read
    assert again["readings"][0]["metrics"] == scores["metrics"]
    assert catalog.view("evaluations").num_rows == 2


def test_classes_that_a_dataset_does_not_have_are_not_said(run: Evaluate, tmp_path: Path) -> None:
    videos = tmp_path / "data" / "VideoFlash"
    some = dict.fromkeys(("disgust", "fear", "neutral", "sadness"), 0.0)
    say(
        videos / "1001_DFA_ANG_XX.flv",
        {**some, "anger": 0.2, "happiness": 0.1, "surprise": 0.7},
        said=["surprise"],
    )
    say(
        videos / "1002_DFA_HAP_XX.flv",
        {**some, "anger": 0.2, "happiness": 0.8, "surprise": 0.0},
        said=["happiness"],
    )
    report = run("crema-d", split="all")
    assert report["variant"] == "acted"
    scores, text = report["readings"]
    assert scores["metrics"]["war"]["value"] == 1
    assert text["metrics"]["war"]["value"] == pytest.approx(0.5)  # surprise is a wrong answer, not none


def face_forensics(
    data: Path,
    fake_scores: Callable[[str, str], float],
    pairs: int,
    compressions: Sequence[str] = ("c23",),
) -> None:
    """Write a miniature with so many pairs in test and in val."""
    numbers = iter(range(1000))
    for split in ("test", "val", "train"):
        listed = [
            [f"{next(numbers):03d}", f"{next(numbers):03d}"] for _ in range(pairs if split != "train" else 0)
        ]
        miniatures.put(data / "splits" / f"{split}.json", json.dumps(listed))
        methods = ("", "Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures")
        for (a, b), method, compression in product(listed, methods, compressions):
            folder = f"manipulated_sequences/{method}" if method else "original_sequences/youtube"
            for name in (f"{a}_{b}", f"{b}_{a}") if method else (a, b):
                score = fake_scores(method, name)
                path = data / folder / compression / "videos" / f"{name}.mp4"
                say(path, {"real": 1 - score, "fake": score}, said=["fake"])


def test_a_card_is_fitted_on_one_split_and_tested_on_another(run: Evaluate, tmp_path: Path) -> None:
    def score(method: str, name: str) -> float:
        digest = int.from_bytes(f"{method}{name}".encode(), "big") % 97 / 97
        return 0.6 + 0.39 * digest if method else 0.35 + 0.5 * digest

    face_forensics(tmp_path / "data", score, 10)
    path = tmp_path / "card.json"
    report = run("ff++", calibrate=str(path), has_text=False)
    scores, tracks = report["readings"]
    # Each video has one face, so that its only track is as suspicious as it is.
    assert tracks["read_from"] == "tracks"
    assert tracks["metrics"] == scores["metrics"]
    assert tracks["tables"] == scores["tables"]
    assert scores["coverage"]["scored"] == 20 + 80  # not 20 + 20: names repeat under the methods
    card = CalibrationCard.read(path)
    assert card.fitted_on["samples"] == 100
    assert card.fitted_on["split"] == "val"
    assert len(card.fitted_on["clusters"]) == 10
    calibration = report["calibration"]
    assert calibration["calibration_id"] == card.calibration_id
    videos, faces = calibration["levels"]["videos"], calibration["levels"]["faces"]
    assert videos == faces
    cllr = videos["after"]["cllr"]
    assert cllr["low"] < cllr["value"] < cllr["high"]
    assert cllr["value"] < videos["before"]["cllr"]
    assert videos["after"]["auc"]["value"] == pytest.approx(videos["before"]["auc"], abs=0.02)
    assert {kind: sum(counts.values()) for kind, counts in videos["said"].items()} == {"real": 20, "fake": 80}
    (by_method,) = videos["breakdowns"]
    assert [part["samples"] for part in by_method["parts"]] == [40] * 4
    assert "## Calibration" in (tmp_path / "out" / "report.md").read_text()
    # The card may be applied to the same recipe on the other split, and to nothing that it has seen.
    assert run("ff++", calibration=str(path), has_text=False)["calibration"] == calibration
    with pytest.raises(UsageError, match="was fitted on 10 of these clusters, such as"):
        run("ff++", split="val", calibration=str(path), has_text=False)
    with pytest.raises(UsageError, match="was fitted on 10 of these clusters"):
        run("ff++", split="all", calibrate=str(path))
    # Nor to a file that it has seen, under another name; the report is written all the same.
    content = json.loads(path.read_text())
    tested = parquet.read_table(tmp_path / "out" / "predictions.parquet")["video_id"].to_pylist()
    content["fitted_on"]["video_ids"].append(tested[0])
    (tmp_path / "seen.json").write_text(json.dumps(content))
    (tmp_path / "out" / "report.json").unlink()
    with pytest.raises(UsageError, match="was fitted on 1 of these videos, such as"):
        run("ff++", calibration=str(tmp_path / "seen.json"), has_text=False)
    assert json.loads((tmp_path / "out" / "report.json").read_text())["readings"]
    # That texts are asked for as well changes no score.
    assert run("ff++", calibration=str(path))["calibration"]["levels"] == calibration["levels"]
    with pytest.raises(
        UsageError, match=r"reader\.detector\.backend is .whole_picture. here and .embedded. there"
    ):
        run("ff++", calibration=str(path), is_whole_picture=True)


def test_one_fake_face_decides_the_video_of_its_method_and_compression(run: Evaluate, tmp_path: Path) -> None:
    data = tmp_path / "data"
    face_forensics(data, lambda method, _name: 0.1 if method else 0.2, 1, ("c23", "c40"))
    path = data / "manipulated_sequences" / "FaceSwap" / "c23" / "videos" / "000_001.mp4"
    say(path, {"real": 0.9, "fake": 0.1}, {"real": 0.1, "fake": 0.9})
    run("ff++", variant="all", has_text=False)
    rows = parquet.read_table(tmp_path / "out" / "predictions.parquet").to_pylist()
    fakes = {(row["read_from"], row["sample_id"]) for row in rows if row["answer_json"] == '"fake"'}
    (track,) = {sample_id for read_from, sample_id in fakes if read_from == "tracks"}
    assert fakes - {("tracks", track)} == {("scores", "FaceSwap/c23/000_001")}
    # Alone, the other face of that video is none.
    tracks = [row for row in rows if row["sample_id"].startswith("FaceSwap/c23/000_001#")]
    assert sorted(row["score"] for row in tracks) == [0.1, 0.9]
    assert track in {row["sample_id"] for row in tracks}
    assert {row["video_id"] for row in tracks} == {
        row["video_id"] for row in rows if row["sample_id"] == "FaceSwap/c23/000_001"
    }
    metrics = {
        (row["read_from"], row["groups_json"]): (row["samples"], row["value"])
        for row in parquet.read_table(tmp_path / "out" / "metrics.parquet").to_pylist()
        if row["metric"] == "accuracy"
    }
    assert len(metrics) == 2 * (1 + 4 + 2 + 4 * 2)
    assert metrics["scores", "{}"] == (20, (4 + 1) / 20)
    assert metrics["scores", '{"method":"FaceSwap","compression":"c23"}'] == (4, 3 / 4)
    assert metrics["tracks", '{"method":"FaceSwap","compression":"c23"}'] == (5, 3 / 5)
    assert metrics["scores", '{"method":"FaceSwap","compression":"c40"}'] == (4, 2 / 4)
    page = (tmp_path / "out" / "report.md").read_text()
    assert "| FaceSwap | c23 | 4 | 4 | 0.750 |" in page


class PlayedJudge:
    """Rates high what names the truth."""

    model = identity = "judge-1"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def ask(self, system: str, text: str, pictures: Sequence[bytes]) -> Reply:
        self.asked.append(text)
        if "silly" in text:
            return Reply("Nothing to rate.", 1, 1)
        rating = 9 if "Ground truth: anger" in text else 3
        return Reply(
            f'Sure: {{"consistency_video": {rating}, "consistency_truth": {rating}, "completeness": 5}}', 9, 9
        )


def test_texts_are_rated_once_by_a_judge(run: Evaluate, tmp_path: Path) -> None:
    videos = tmp_path / "data" / "VideoFlash"
    labels = ("anger", "disgust", "fear", "happiness", "neutral", "sadness")
    scores: dict[str, float] = {label: 0.1 for label in labels}  # noqa: C420 - of these types
    for name, text in (("ANG", "Angry brows."), ("HAP", "Sad mouth."), ("SAD", "silly"), ("FEA", " ")):
        say(videos / f"1001_DFA_{name}_XX.flv", scores, text=text, said=["anger"])
    judge = PlayedJudge()
    reasoning = run("crema-d", split="all", judge=judge)["reasoning"]
    assert (reasoning["texts"], reasoning["rated"], reasoning["judge"]) == (3, 2, "judge-1")
    assert reasoning["means"] == {"consistency_video": 6, "consistency_truth": 6, "completeness": 5}
    assert "1001_DFA_SAD_XX" in reasoning["problems"][0]
    assert ["Face-LLaVA, from the paper", 7.95, 8.14, 7.79] in reasoning["tables"][0]["rows"]
    assert len(judge.asked) == 3
    run("crema-d", split="all", judge=judge)
    assert len(judge.asked) == 4  # only what was no answer is asked again
    assert "## Reasoning" in (tmp_path / "out" / "report.md").read_text()


def test_every_face_of_a_rendered_film_is_told_by_its_place(
    run: Evaluate, played: PlayedScan, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    label = Label("a.mp4", 0, 0.0, 0.1, 10, 20, 200, 80, "anger", ("AU4",), ("bald",), 30, True, "flicker")
    other = replace(
        label, face=1, x_px=110, w_px=64, expression="fear", is_manipulated=False, manipulation=None
    )
    gone = replace(label, face=2, x_px=2000, expression="fear")
    data.mkdir()
    write_labels(data / "labels.parquet", [label, other, gone])
    first = {"real": 0.2, "fake": 0.8}
    say(data / "a.mp4", first, {"real": 0.9, "fake": 0.1})
    report = run("rendered-deepfake", split="all")
    (scores,) = report["readings"]
    assert scores["coverage"]["expected"] == 3
    assert (scores["coverage"]["scored"], scores["coverage"]["no_face"]) == (2, 1)
    assert scores["metrics"]["accuracy"]["value"] == 1
    # All five are asked at once, so that the next evaluation finds the film read.
    assert run("rendered-age", split="all", limit=1)["recipe_id"] == report["recipe_id"]
    with pytest.raises(UsageError, match="leave --judge out"):
        run("rendered-deepfake", split="all", judge=PlayedJudge())
    assert played.read == ["a.mp4"]


def test_where_nobody_is_held_out_all_are_taken(run: Evaluate, tmp_path: Path) -> None:
    say(tmp_path / "data" / "26_1_2_20170116184024661.jpg", {"age_years": 30.0})
    say(tmp_path / "data" / "26_1_2_20170116184024663.jpg", {"age_years": 2.0})
    assert {hashed_split(path.name) for path in (tmp_path / "data").iterdir()} == {"train"}
    report = run("utkface", has_text=False)
    assert (report["split"], report["annotated"], report["samples"]) == ("all", {"train": 2}, 2)
    assert "- annotated: 2 samples (2 in train), 0 malformed" in (tmp_path / "out/report.md").read_text()
    with pytest.raises(UsageError, match="no sample of split 'test'"):
        run("utkface", split="test")


def test_a_limit_is_spread_over_the_split_and_may_leave_too_few_for_a_card(
    run: Evaluate, played: PlayedScan, tmp_path: Path
) -> None:
    face_forensics(tmp_path / "data", lambda _method, _name: 0.5, 6)
    card = tmp_path / "card.json"
    with pytest.raises(UsageError, match="calibrating takes 10 of each"):
        run("ff++", limit=15, has_text=False, calibrate=str(card))
    assert not card.exists()
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert "calibrating takes 10 of each" in report["calibration"]["notes"][0]
    assert report["readings"][0]["coverage"]["expected"] == 15
    assert len(played.read) == 15 + 15
    methods = [
        row["groups_json"] for row in parquet.read_table(tmp_path / "out/predictions.parquet").to_pylist()
    ]
    assert len(set(methods)) > 2


def test_no_card_is_made_of_contents_that_it_would_be_tested_on(run: Evaluate, tmp_path: Path) -> None:
    face_forensics(tmp_path / "data", lambda method, _name: 0.6 if method else 0.4, 7)
    originals = tmp_path / "data" / "original_sequences" / "youtube" / "c23" / "videos"
    (originals / "000.mp4").write_bytes((originals / "014.mp4").read_bytes())  # of test, and of val
    card = tmp_path / "card.json"
    with pytest.raises(UsageError, match="was fitted on 1 of these videos, such as"):
        run("ff++", has_text=False, calibrate=str(card))
    assert not card.exists()
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert "was fitted on 1 of these videos" in report["calibration"]["notes"][0]
    assert report["readings"][0]["coverage"]["scored"] == 14 * 5


def test_the_command_ends_with_2_where_no_card_is_worth_making(played: PlayedScan, tmp_path: Path) -> None:
    face_forensics(tmp_path / "data", lambda _method, _name: 0.5, 6)
    where = ["--root", str(tmp_path / "data"), "-o", str(tmp_path / "out"), "--draws", "20", "--no-text"]
    ended = CliRunner().invoke(app, ["eval", "ff++", *where, "--calibrate", str(tmp_path / "card.json")])
    assert ended.exit_code == 2
    assert "facesift: FaceForensics++, val: " in ended.stderr
    assert not (tmp_path / "card.json").exists()
    assert "no card: " in (tmp_path / "out" / "report.md").read_text()
    done = CliRunner().invoke(app, ["eval", "ff++", *where, "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["readings"][0]["coverage"]["scored"] == 12 * 5
    assert len(played.read) == 2 * 12 * 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--judge", "m", "--no-text"], "--judge rates texts, and --no-text has none written"),
        (["--judge", "m", "--judge-address", "localhost"], "address is 'localhost'; give one that"),
        (["--method", "magic"], "'magic' is not one of 'platt', 'isotonic'"),
    ],
)
def test_options_that_do_not_fit(options: list[str], message: str, tmp_path: Path) -> None:
    ended = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["eval", "ff++", "--root", str(tmp_path), *options])
    assert (ended.exit_code, message in ended.stderr) == (2, True)


@pytest.mark.parametrize(
    ("name", "changed", "message"),
    [
        ("imagenet", {}, "no dataset is called 'imagenet'"),
        ("utkface", {"root": "/nowhere/at/all"}, "there is no such directory"),
        ("dfew", {}, r"there is no Clip/original in it"),
        ("utkface", {"split": "val"}, "has no sample of split 'val'.*its splits are all, test, train"),
        ("utkface", {"calibrate": "card.json"}, "has not two labels"),
        ("ff++", {"calibrate": "card.json", "calibrate_on": "test"}, "cannot be tested on it"),
        ("utkface", {"split": "all", "checkpoint": "/nowhere"}, "/nowhere"),
    ],
)
def test_what_cannot_be_evaluated(
    run: Evaluate, played: PlayedScan, tmp_path: Path, name: str, changed: dict[str, Any], message: str
) -> None:
    miniatures.utkface(tmp_path / "data")
    with pytest.raises(UsageError, match=message):
        run(name, **changed)
    assert not played.read
    assert not (tmp_path / "out").exists()
