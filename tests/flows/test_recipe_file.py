"""What a user reads who has made a mistake in a recipe."""

from pathlib import Path

import pytest

from flows.recipe import Recipe, RecipeError

GAZE = "[[questions]]\nname = 'gaze'\n"
MISTAKES = {
    "colour = 1": "there is no setting colour; there are tasks, reader, engine, questions",
    "[enginee]\nmax_new_tokens = 3": "there is no setting enginee; did you mean engine?",
    "[reader.shots]\nside = 9": "there is no setting reader.shots.side; did you mean side_px?",
    "[reader.decoder]\nfps = 1.0": "there is no setting reader.decoder.fps; did you mean sample_fps?",
    "sample_fps = 1.0": "there is no setting sample_fps; did you mean reader.decoder.sample_fps?",
    "[reader.decoder]\nsample_fps = -1.0": "decoder.sample_fps is -1.0; give a positive number, or inf",
    "[engine]\nmax_new_tokens = 'many'": "engine.max_new_tokens is 'many'; give a whole number",
    "[engine]\nmax_new_tokens = 3.5": "engine.max_new_tokens is 3.5; give a whole number",
    "engine = 3": "engine is 3; give a table of settings",
    "tasks = 'age'": "tasks is 'age'; give a list, such as [\"age\"]",
    "tasks = [1]": "tasks[0] is 1; give text in quotes",
    "tasks = []": "tasks is empty: name at least one question",
    "tasks = ['age', 'age']": "tasks names a question twice: age, age",
    "tasks = ['exprssion']": "no question is called exprssion; did you mean expression?",
    GAZE: "questions[0].kind is missing; questions[0].prompt is missing",
    GAZE + "kind = 'one'\nprompt = 'Where?'": (
        "questions[0].kind is 'one'; give 'single_label', 'multi_label' or 'number'"
    ),
    GAZE + "kind = 'number'\nprompt = 'Where?'\nlabels = [{ name = 'a', variant = ['b'] }]": (
        "there is no setting questions[0].labels[0].variant; did you mean variants?"
    ),
    GAZE + "kind = 'single_label'\nprompt = 'Where?'\nlabels = [{ name = 'left' }]": (
        "question gaze: a single_label question needs at least 2 labels"
    ),
    GAZE + "kind = 'multi_label'\nprompt = 'Where?'\nlabels = [{ name = 'left' }]": (
        "question gaze: put {label} into the score_prompt of a multi_label question, where each "
        "label's phrase goes, and into no other"
    ),
    GAZE + "kind = 'number'\nprompt = 'How far?'\nmaximum = 5000": (
        "question gaze: minimum 0 and maximum 5000 must satisfy 0 <= minimum < maximum <= 999"
    ),
    GAZE + "kind = 'number'\nprompt = 'How far?'\nview = 'film'": (
        "questions[0].view is 'film'; give 'clip' or 'frame'"
    ),
    GAZE
    + "kind = 'single_label'\nprompt = '?'\nlabels = [{ name = 'a' }, { name = 'b', variants = ['A'] }]": (
        "question gaze: 'a' names label 'a' and label 'b'; leave it to one of them"
    ),
    "[engine]\ndtype = 'fp8'": "engine.dtype is 'fp8'; give 'auto', 'float32', 'bfloat16' or 'float16'",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "my.toml"


@pytest.mark.parametrize(("text", "says"), MISTAKES.items(), ids=MISTAKES.values())
def test_a_wrong_setting_is_named_with_what_to_write(path: Path, text: str, says: str) -> None:
    path.write_text(text)
    with pytest.raises(RecipeError) as caught:
        Recipe.read(path)
    assert str(caught.value) == f"{path}: {says}"


def test_a_long_value_is_cut_short(path: Path) -> None:
    path.write_text(f"[engine]\nmax_new_tokens = '{'x' * 5000}'")
    with pytest.raises(RecipeError, match=r"is 'x+…; give a whole number") as caught:
        Recipe.read(path)
    assert len(str(caught.value)) < len(str(path)) + 120


def test_every_mistake_is_named_at_once(path: Path) -> None:
    path.write_text("colour = 1\n[engine]\nmax_new_tokens = 'many'")
    with pytest.raises(RecipeError, match=r"max_new_tokens is 'many'.*; there is no setting colour"):
        Recipe.read(path)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("# gr\xfc\xdfe\ntasks = ['age']".encode("latin-1"), "is not UTF-8 at line 1; save it as UTF-8"),
        ("tasks = ['age']".encode("utf-16"), "is not UTF-8"),
        (b"tasks = [", "is not TOML: "),
        (b"tasks = ['age']\ntasks = ['age']", "is not TOML: Cannot overwrite a value"),
        (b"\0" * 10_000_000, "is no file of settings: it is longer than 1 MiB"),
    ],
    ids=["latin-1", "utf-16", "cut off", "twice", "10 MB"],
)
def test_what_is_no_toml_is_refused(path: Path, data: bytes, says: str) -> None:
    path.write_bytes(data)
    with pytest.raises(RecipeError) as caught:
        Recipe.read(path)
    assert str(caught.value).startswith(f"{path} {says}")


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("{tmp}", "{tmp} is a folder; give a TOML file"),
        ("{tmp}/none.toml", "{tmp}/none.toml: there is no such file"),
        ("{tmp}/file/none.toml", "{tmp}/file/none.toml cannot be read: Not a directory"),
        ("/dev/zero", "/dev/zero is no file of settings: it is longer than 1 MiB"),
    ],
)
def test_what_is_no_file_is_refused(tmp_path: Path, place: str, says: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecipeError) as caught:
        Recipe.read(Path(place.format(tmp=tmp_path)))
    assert str(caught.value) == says.format(tmp=tmp_path)


@pytest.mark.parametrize("data", [b"\xef\xbb\xbftasks = ['age']\n", b"tasks = ['age']\r\n[engine]\r\n"])
def test_what_editors_of_other_systems_add_does_no_harm(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    assert Recipe.read(path) == Recipe(tasks=("age",))


def test_nothing_is_the_default_recipe() -> None:
    assert Recipe.read(Path("/dev/null")) == Recipe()
