import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from workers.faces.litert import ENLARGEMENTS, MODEL_FILES, ModelFileError, Network, model_path


@pytest.mark.parametrize("name", MODEL_FILES)
def test_the_installed_models_are_the_ones_that_recipes_name(name: str) -> None:
    assert model_path(name).name == f"{name}.tflite"


def pretend(monkeypatch: pytest.MonkeyPatch, folder: Path | None) -> None:
    spec = None
    if folder is not None:
        spec = ModuleSpec("mediapipe", None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)  # pyright: ignore[reportUnknownLambdaType]


def test_no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, None)
    with pytest.raises(ModelFileError, match="not installed"):
        model_path("face_landmark")


def test_a_wheel_without_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pretend(monkeypatch, tmp_path)
    with pytest.raises(ModelFileError, match=r"face_landmark\.tflite is missing"):
        model_path("face_landmark")


def test_another_model_under_the_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "modules" / "face_landmark"
    folder.mkdir(parents=True)
    (folder / "face_landmark.tflite").write_bytes(b"another")
    pretend(monkeypatch, tmp_path)
    with pytest.raises(ModelFileError, match="has SHA-256"):
        model_path("face_landmark")


def test_outputs_are_the_callers_own() -> None:
    network = Network("face_detection_short_range", num_threads=1)
    rng = np.random.default_rng(0)
    first = network(rng.uniform(-1, 1, (1, 128, 128, 3)).astype(np.float32))
    kept = [output.copy() for output in first]
    network(rng.uniform(-1, 1, (1, 128, 128, 3)).astype(np.float32))
    for output, copy in zip(first, kept, strict=True):
        np.testing.assert_array_equal(output, copy)
    assert [output.shape for output in first] == [(1, 896, 16), (1, 896, 1)]


@pytest.mark.parametrize("name", MODEL_FILES)
def test_the_places_of_enlargements_are_those_in_the_file(name: str) -> None:
    data = model_path(name).read_bytes()
    model: Any = schema.Model.GetRootAs(data, 0)
    graph = model.Subgraphs(0)
    codes = [model.OperatorCodes(number).BuiltinCode() for number in range(model.OperatorCodesLength())]
    start = np.frombuffer(data, np.uint8).ctypes.data
    found: dict[int, int] = {}
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        if codes[operator.OpcodeIndex()] == schema.BuiltinOperator.RESIZE_BILINEAR:
            sizes = model.Buffers(graph.Tensors(operator.Inputs(1)).Buffer()).DataAsNumpy()
            height, width = sizes.view(np.int32).tolist()
            assert height == width
            found[sizes.ctypes.data - start] = height
    assert found == ENLARGEMENTS.get(name, {})


@pytest.mark.parametrize(("size_px", "rows"), [((192, 128), 1536), ((320, 352), 7040)])
def test_a_network_takes_inputs_that_it_was_not_made_for(size_px: tuple[int, int], rows: int) -> None:
    width, height = size_px
    network = Network("face_detection_full_range_sparse", 1, size_px)
    assert [output.shape for output in network(np.zeros((1, height, width, 3), np.float32))] == [
        (1, rows, 16),
        (1, rows, 1),
    ]
