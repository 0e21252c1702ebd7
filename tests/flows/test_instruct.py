"""Building instruction data over miniature datasets; faces are made, models are played."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet
from typer.testing import CliRunner

import flows.instruct
from flows.cli import app
from flows.evaluation.samples import Located, choose
from flows.instruct import Instruct, InstructRequest
from flows.instruction.faces import FaceTask, KeptFace
from flows.recipe_file import read_config
from flows.usage import UsageError
from model.datasets.catalogue import dataset_named
from model.datasets.sample import Sample
from model.instruct.chat import ChatConfig, ChatError, Reply
from model.instruct.config import InstructConfig, PriceConfig, estimate
from model.synthetic.archive import write_labels
from model.synthetic.film import Label
from model.training.sample import read_samples
from tests.model.datasets import miniatures
from tests.model.instruct.chats import chat_server

Build = Callable[..., Instruct]


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the samples in which a face was looked for; what a file holds says what is found."""
    names: list[str] = []

    def find_face(task: FaceTask) -> KeptFace:
        names.append(task.sample_id)
        said = Path(task.listed.uri).read_text()
        kind = "video" if task.kind == "video" and task.task in {"expression", "deepfake"} else "image"
        if said:
            return KeptFace(kind, said, said)
        stem = task.folder / "faces" / task.sample_id.replace("/", "-")
        stem.parent.mkdir(parents=True, exist_ok=True)
        crops = np.full((8, 16, 16, 3), sum(map(ord, task.sample_id)) % 256, np.uint8)
        media = f"{stem}.npy" if kind == "video" else f"{stem}.png"
        if kind == "video":
            np.save(media, crops)
        else:
            Image.fromarray(crops[0]).save(media)
        np.save(f"{stem}.landmarks.npy", np.zeros((8, 68, 2) if kind == "video" else (68, 2), np.float32))
        folder = str(task.folder)
        return KeptFace(
            kind,
            "kept",
            None,
            str(Path(media).relative_to(folder)),
            str(Path(f"{stem}.landmarks.npy").relative_to(folder)),
            "ab" * 32,
        )

    monkeypatch.setattr(flows.instruct, "find_face", find_face)
    monkeypatch.setattr(flows.instruct, "keep_reader", repr)
    return names


@pytest.fixture
def build(tmp_path: Path, looked_at: list[str]) -> Build:
    def build(name: str, writer: Any = None, judge: Any = None, **changed: Any) -> Instruct:
        values: dict[str, Any] = {"root": str(tmp_path / "data"), "output": str(tmp_path / "out"), **changed}
        request = InstructRequest(dataset=name, **values)
        return Instruct(request, writer, judge)

    return build


class Played:
    """Answers by a function of what is asked."""

    def __init__(self, model: str, answer: Callable[[str], str]) -> None:
        self.model = self.identity = model
        self.asked: list[tuple[str, int]] = []
        self._answer = answer

    def ask(self, system: str, text: str, pictures: Sequence[bytes]) -> Reply:
        self.asked.append((text, len(pictures)))
        return Reply(self._answer(text), 10, 20)


def ratings(text: str) -> str:
    overall = 3 if "Sadness" in text else 9
    values = {"annotation": 8, "consistency_video": 8, "consistency_annotation": 8, "overall": overall}
    return json.dumps(values)


def entries(folder: Path) -> dict[str, dict[str, Any]]:
    return {
        entry["id"]: {**entry, "split": path.stem}
        for path in (folder / name for name in ("train.json", "val.json", "test.json"))
        if path.exists()
        for entry in json.loads(path.read_text())
    }


def test_labels_only_are_what_training_reads(build: Build, tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    miniatures.utkface(data)
    (data / "1_0_0_20161219140623097.jpg").write_text("several faces")
    built = build("utkface")
    cost = built.find_faces()
    assert (cost.calls, cost.price) == (0, 0)
    found = built.write()
    assert found["samples"] == 3 == sum(found["by_status"].values())
    assert found["by_status"] == {"kept": 2, "several faces": 1}
    assert len(found["malformed"]) == 6
    made = entries(out)
    assert {entry["conversations"][1]["value"] for entry in made.values()} == {
        "26 years old.",
        "100 years old.",
    }
    for split in ("train", "test"):
        if (out / f"{split}.json").exists():
            assert all(sample.kind == "image" for sample in read_samples(out / f"{split}.json", out))
    rows = parquet.read_table(out / "instruct.parquet").to_pylist()
    assert [row["status"] for row in rows].count("kept") == 2
    assert {row["video_id"] for row in rows if row["status"] == "kept"} == {"ab" * 32}
    page = (out / "sheet.html").read_text()
    assert page.count("<article>") == 2
    assert "26 years old." in page
    assert json.loads((out / "statistics.json").read_text())["kept"] == 2


def test_what_nobody_coded_is_not_said_to_be_absent(build: Build, tmp_path: Path) -> None:
    data = tmp_path / "data"
    miniatures.bp4d(data, ["F001"])
    units = [1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24]
    rows = [[0, *units], [1, *[9] * 12], [2, 0, *[9] * 11], [3, *[0] * 12], [4, 1, *[9] * 11]]
    table = data / "AUCoding" / "AU_OCC" / "F001_T1.csv"
    table.write_text("\n".join(",".join(map(str, row)) for row in rows))
    for frame in range(1, 5):
        miniatures.put(data / "F001" / "T1" / f"{frame}.jpg")
    writer = Played("writer-1", lambda _: "A face.")
    built = build("bp4d", writer, config=InstructConfig(writer=ChatConfig("http://localhost", "writer-1")))
    assert built.find_faces().calls == 2
    assert built.write()["by_status"] == {"not coded": 2, "kept": 2}
    made = entries(tmp_path / "out")
    assert made["bp4d/F001/T1/3"]["conversations"][1]["value"] == "A face."
    assert made["bp4d/F001/T1/4"]["conversations"][1]["value"].startswith("- AU1")
    assert len(made) == len(writer.asked) == 2
    rows = parquet.read_table(tmp_path / "out" / "instruct.parquet").to_pylist()
    (open_,) = [row for row in rows if row["sample_id"] == "F001/T1/2"]
    assert open_["reason"].startswith("nothing is coded as present, and AU2, AU4, AU6")


def test_descriptions_are_rated_and_the_low_are_dropped(build: Build, tmp_path: Path) -> None:
    miniatures.crema_d(tmp_path / "data")
    writer = Played("writer-1", lambda text: f"  The face\nshows it</s>, in this <image>. ({text[-30:]})")
    judge = Played("judge-1", ratings)
    built = build("crema-d", writer, judge, config=InstructConfig(pictures=3))
    built.find_faces()
    found = built.write()
    assert found["by_status"] == {"kept": 2, "rated low": 1}
    assert found["mean_ratings"]["overall"] == pytest.approx((9 + 9 + 3) / 3)
    made = entries(tmp_path / "out")
    happy = made["crema-d/1001_IEO_HAP_LO"]
    assert happy["conversations"][0]["value"].startswith("<video>\n")
    assert happy["conversations"][1]["value"].startswith("The face shows it , in this  .")
    assert sum(len(read_samples(path, path.parent)) for path in (tmp_path / "out").glob("t*.json")) == 2
    assert {shown for _, shown in writer.asked} == {3}
    # Several are asked at once, in any order.
    assert sum("Its emotion: Happiness." in text for text, _ in writer.asked) == 1
    rows = parquet.read_table(tmp_path / "out" / "instruct.parquet").to_pylist()
    (low,) = [row for row in rows if row["status"] == "rated low"]
    assert low["reason"] == "overall 3"
    assert json.loads(low["ratings_json"])["overall"] == 3
    # Again, with another threshold: nothing is asked twice.
    again = build("crema-d", writer, judge, config=InstructConfig(pictures=3, threshold=3))
    again.find_faces()
    assert again.write()["by_status"] == {"kept": 3}
    assert len(writer.asked) == len(judge.asked) == 3


def test_what_failed_is_asked_again(build: Build, tmp_path: Path) -> None:
    miniatures.crema_d(tmp_path / "data")

    def refuse(text: str) -> str:
        raise ChatError("overloaded")

    built = build("crema-d", Played("writer-1", refuse))
    built.find_faces()
    assert built.write()["by_status"] == {"failed": 3}
    built = build("crema-d", Played("writer-1", lambda _: "A face."))
    built.find_faces()
    assert built.write()["by_status"] == {"kept": 3}


def test_a_model_that_only_fails_is_not_asked_for_ever(build: Build, tmp_path: Path) -> None:
    data = tmp_path / "data"
    miniatures.utkface(data)
    dataset = dataset_named("utkface")
    samples = choose(dataset, data, dataset.variants[0], "all", limit=None, frame_step=1).samples
    samples[1].media.write_text("several faces")  # nothing is asked about it

    def refuse(text: str) -> str:
        raise ChatError("no credit left")

    writer = Played("w", refuse)
    config = InstructConfig(writer=ChatConfig("http://localhost", "w"), give_up_after=2, asked_at_once=1)
    built = build("utkface", writer, config=config)
    built.find_faces()
    with pytest.raises(ChatError, match="2 samples in a row failed, the last one so: no credit left"):
        built.write()
    assert not (tmp_path / "out" / "train.json").exists()


class Deadly:
    """Ends the process that it is sent to."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (9,)


def test_a_reader_that_dies_is_one_line(
    looked_at: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    miniatures.utkface(tmp_path / "data")
    monkeypatch.setattr(flows.instruct, "find_face", Deadly())
    where = ["--root", str(tmp_path / "data"), "-o", str(tmp_path / "out"), "--readers", "2"]
    ended = CliRunner().invoke(app, ["instruct", "utkface", *where])
    assert ended.exit_code == 1
    assert isinstance(ended.exception, SystemExit)
    assert "facesift: A process in the process pool was terminated" in ended.stderr


def test_nothing_is_paid_for_without_a_yes(looked_at: list[str], tmp_path: Path) -> None:
    miniatures.utkface(tmp_path / "data")
    asked: list[str] = []

    def answer(request: dict[str, Any]) -> tuple[int, str]:
        asked.append(request["model"])
        return 200, "Smooth skin."

    settings = tmp_path / "instruct.toml"
    where = ["--root", str(tmp_path / "data"), "-o", str(tmp_path / "out"), "--config", str(settings)]
    with chat_server(answer) as address:
        settings.write_text(f'[writer]\naddress = "{address}"\nmodel = "w"\n')
        refused = CliRunner().invoke(app, ["instruct", "utkface", *where])
        assert refused.exit_code == 2
        assert "3 calls, about 1,524 tokens in, 480 out and 0.00 USD, less what is kept" in refused.stderr
        assert "not agreed to; --yes goes on without asking" in refused.stderr
        assert not asked
        agreed = CliRunner().invoke(app, ["instruct", "utkface", *where, "--yes"])
    assert agreed.exit_code == 0
    assert "        3 kept\n" in agreed.stdout
    assert asked == ["w"] * 3
    answers = {entry["conversations"][1]["value"] for entry in entries(tmp_path / "out").values()}
    assert "26 years old: Smooth skin." in answers


def test_films_of_several_faces_are_refused(build: Build, tmp_path: Path) -> None:
    label = Label("000.mp4", 0, 0.0, 1.0, 0.0, 0.0, 9.0, 9.0, "anger", (), (), 30, False, None)
    (tmp_path / "data").mkdir()
    write_labels(tmp_path / "data" / "labels.parquet", [label])
    with pytest.raises(UsageError, match="films of several faces"):
        build("rendered-age")


def test_nobody_is_in_two_splits(build: Build, tmp_path: Path) -> None:
    miniatures.disfa(tmp_path / "data", [f"SN{n:03d}" for n in range(1, 4)])
    for path in (tmp_path / "data" / "Videos_LeftCamera").iterdir():
        path.unlink()
    built = build("disfa")
    built.find_faces()
    assert built.write()["by_status"] == {"failed": 9}  # the videos are not there, and it says so
    miniatures.celeba(tmp_path / "faces")
    for number in (1, 2, 3):
        miniatures.put(tmp_path / "faces" / "Img" / "img_align_celeba" / f"00000{number}.jpg")
    built = build("celeba", root=str(tmp_path / "faces"))
    built.find_faces()
    found = built.write()
    # Person 2880 is in train and in test.
    assert found["by_status"] == {"kept": 2, "in another split": 1}
    assert found["kept_by_split"] == {"train": 1, "val": 1}


@pytest.mark.parametrize(("name", "subjects"), [("disfa", "SN00{}"), ("bp4d", "F00{}")])
def test_the_held_out_fold_is_that_of_an_evaluation(
    name: str, subjects: str, build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locate(samples: Sequence[Sample], *_: object) -> Located:
        return Located({}, {sample.sample_id: "nothing is looked for" for sample in samples})

    monkeypatch.setattr(flows.instruct, "locate", locate)
    data, dataset = tmp_path / "data", dataset_named(name)
    {"disfa": miniatures.disfa, "bp4d": miniatures.bp4d}[name](data, map(subjects.format, range(1, 7)))
    for fold in (1, 3):
        built = build(name, fold=fold)
        built.find_faces()
        assert f"test is that of fold {fold}" in built.write()["split_rule"]
        rows = parquet.read_table(tmp_path / "out" / "instruct.parquet").to_pylist()
        learned, held_out = (
            {row["cluster"] for row in rows if row["split"] == split} for split in ("train", "test")
        )
        tested = choose(dataset, data, dataset.variants[0], f"fold{fold}", limit=None, frame_step=1).samples
        assert held_out == {one.cluster for one in tested}
        assert len(learned) == 4
        assert not learned & held_out


def test_a_fold_that_is_not_there(build: Build, tmp_path: Path) -> None:
    miniatures.disfa(tmp_path / "data")
    with pytest.raises(UsageError, match="--fold 4: DISFA has 3"):
        build("disfa", fold=4)


def test_one_fold_of_dfew_is_taken(build: Build, tmp_path: Path, looked_at: list[str]) -> None:
    miniatures.dfew(tmp_path / "data")
    for fold in range(1, 11):
        miniatures.put(tmp_path / "data" / "Clip" / "original" / f"{fold:05d}.mp4")
    built = build("dfew", fold=4)
    built.find_faces()
    built.write()
    assert {name.split("/")[1] for name in looked_at} == {"4"}


def test_the_price_is_worked_out_before() -> None:
    chat = ChatConfig("http://localhost", "m")
    price = PriceConfig(2.0, 10.0, tokens_per_picture=100, answer_tokens=50)
    config = InstructConfig(writer=chat, judge=chat, pictures=4, writer_price=price, judge_price=price)
    found = estimate(config, samples=1000, videos=400)
    pictures = 600 + 400 * 4
    assert found.calls == 2000
    assert found.prompt_tokens == 2 * (1000 * 250 + pictures * 100)
    assert found.answer_tokens == 2 * 1000 * 50
    assert found.price == pytest.approx((found.prompt_tokens * 2 + found.answer_tokens * 10) / 1e6)
    assert estimate(InstructConfig(), 1000, 0).calls == 0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"judge": ChatConfig("http://localhost", "m")}, "give writer too"),
        ({"threshold": 11}, "ratings go from 1 to 10"),
        ({"one_face_share": 0.0}, "above 0, at most 1"),
        ({"pictures": 0}, "pictures is 0; give 1 or more"),
        ({"sheet_samples": -1}, "sheet_samples is -1; give 0 or more"),
    ],
)
def test_settings_that_do_not_fit(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        InstructConfig(**changed)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("[writer]\naddress = 'localhost:8000'\nmodel = 'm'", "writer: address is 'localhost:8000'"),
        ("[writer]\naddress = 'http://x'\nmodel = ''", "writer: model is empty"),
        ("[writer]\naddress = 'http://x'\nmodel = 'm'\ntimeout_s = nan", "timeout_s is nan; give seconds"),
        ("[writer]\naddress = 'http://x'\nmodel = 'm'\nmax_tokens = -5", "max_tokens is -5; give 1 or more"),
        ("[writer]\naddress = 'http://x'\nmodel = 'm'\ntemperature = -1", "temperature is -1.0"),
        ("[judge_price]\nper_million_answer_tokens = -1", "judge_price: per_million_answer_tokens is -1.0"),
    ],
)
def test_a_file_of_settings_that_do_not_fit(settings: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "instruct.toml"
    with pytest.raises(UsageError, match=r"instruct\.toml: there is no such file$"):
        read_config(InstructConfig, path)
    path.write_text(settings)
    with pytest.raises(UsageError, match=message):
        read_config(InstructConfig, path)


def test_a_dataset_that_is_not_known(build: Build) -> None:
    with pytest.raises(UsageError, match="no dataset is called"):
        build("imagenet")
