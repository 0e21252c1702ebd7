"""Model packs of the right shapes without learned weights: what they find follows from the picture by rule.

SCRFD sees a face wherever the picture is red enough in a cell of its middle map, the landmarks are a fixed
face moved to the right by the crop's brightness, and ArcFace's vector is the crop shrunk to 4 x 4.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

STRIDES_PX = (8, 16, 32)
BOX_STRIDES = 2.0
"""A face's half side, in strides of the middle map."""
FACE_68 = np.concatenate(
    [
        np.stack([np.linspace(-0.6, 0.6, 17), 0.6 * np.sin(np.linspace(0, np.pi, 17))], axis=1),
        np.stack([np.linspace(-0.5, 0.5, 10), np.full(10, -0.5)], axis=1),
        np.stack([np.zeros(9), np.linspace(-0.3, 0.1, 9)], axis=1),
        np.stack([[-0.4, -0.3, -0.2, -0.2, -0.3, -0.4], np.full(6, -0.3)], axis=1),
        np.stack([[0.2, 0.3, 0.4, 0.4, 0.3, 0.2], np.full(6, -0.3)], axis=1),
        np.stack([np.linspace(-0.2, 0.2, 20), np.full(20, 0.3)], axis=1),
    ]
)
"""[68, 2] in half sides of the landmarks' square, from its middle."""

Batch = int | str


def write_pack(directory: Path, *, batch: Batch = 1, rank: int = 2, recognition: bool = True) -> Path:
    """Write a pack; SCRFD's batch is fixed, as in the published ones, where it is a number."""
    directory.mkdir(parents=True, exist_ok=True)
    _save(scrfd(batch, rank), directory / "det_10g.onnx")
    _save(landmarks(), directory / "1k3d68.onnx")
    _save(points_2d(), directory / "2d106det.onnx")
    if recognition:
        _save(arcface(), directory / "w600k_r50.onnx")
    return directory


def scrfd(batch: Batch = 1, rank: int = 2, px: int | str = "?") -> Any:
    """Return SCRFD's shapes: 9 outputs [cells x batch x 2, C], or of rank 3 [batch, cells x 2, C]."""
    nodes: list[Any] = [helper.make_node("Slice", ["in", "zero", "one", "axis"], ["red"])]
    weights = {"zero": [0], "one": [1], "axis": [1]}
    outputs: dict[str, list[Any]] = {"score": [], "box": [], "points": []}
    for stride in STRIDES_PX:
        cell = f"cell{stride}"
        sides = [stride, stride]
        nodes.append(helper.make_node("AveragePool", ["red"], [cell], kernel_shape=sides, strides=sides))
        for kind, width in (("score", 1), ("box", 4), ("points", 10)):
            name = f"{kind}_{stride}"
            nodes += _head(name, cell, width, rank)
            shape = [f"n{name}", width] if rank == 2 else [batch, f"n{name}", width]
            outputs[kind].append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    initializers = [numpy_helper.from_array(np.array(v, np.int64), name) for name, v in weights.items()]
    initializers += [
        numpy_helper.from_array(value, name)
        for stride in STRIDES_PX
        for name, value in _head_weights(stride, rank).items()
    ]
    picture = helper.make_tensor_value_info("in", TensorProto.FLOAT, [batch, 3, px, px])
    every = [*outputs["score"], *outputs["box"], *outputs["points"]]
    return _model(helper.make_graph(nodes, "scrfd", [picture], every, initializers))


def _head(name: str, cell: str, width: int, rank: int) -> list[Any]:
    """Scores rise where a cell is red; boxes and points are the same everywhere."""
    order = [2, 3, 0, 1] if rank == 2 else [0, 2, 3, 1]
    last = [f"{name}_linear"]
    nodes = [helper.make_node("Conv", [cell, f"{name}_w", f"{name}_b"], last)]
    if width == 1:
        nodes.append(helper.make_node("Sigmoid", last, [f"{name}_maps"]))
        last = [f"{name}_maps"]
    nodes.append(helper.make_node("Transpose", last, [f"{name}_t"], perm=order))
    nodes.append(helper.make_node("Reshape", [f"{name}_t", f"{name}_shape"], [name]))
    return nodes


def _head_weights(stride: int, rank: int) -> dict[str, Any]:
    # Black is -1, pure red nearly 1; only the middle map is sure of anything.
    gain, bias = (20.0, -14.0) if stride == 16 else (0.5, -5.0)
    sides = np.full(8, BOX_STRIDES, np.float32)
    eyes_nose_mouth = np.array([-0.8, -0.6, 0.8, -0.6, 0, 0.2, -0.5, 0.9, 0.5, 0.9], np.float32)
    biases = {"score": np.full(2, bias, np.float32), "box": sides, "points": np.tile(eyes_nose_mouth, 2)}
    weights: dict[str, Any] = {}
    for kind, width in (("score", 1), ("box", 4), ("points", 10)):
        filled = gain if kind == "score" else 0.0
        weights[f"{kind}_{stride}_w"] = np.full((2 * width, 1, 1, 1), filled, np.float32)
        weights[f"{kind}_{stride}_b"] = biases[kind]
        shape = [-1, width] if rank == 2 else [0, -1, width]
        weights[f"{kind}_{stride}_shape"] = np.array(shape, np.int64)
    return weights


def landmarks(values: int = 3309) -> Any:
    """Return 1k3d68's shapes: [N, 3, 192, 192] in, [N, 3309] out."""
    points = np.zeros((values // 3, 3), np.float32)
    points[-68:, :2] = FACE_68
    points[-68:, 2] = 0.2 * (1 - np.square(FACE_68).sum(axis=1))
    shift = np.zeros((values // 3, 3), np.float32)
    shift[-68:, 0] = 0.1
    return _by_average(192, 192, shift.reshape(1, -1), points.ravel(), "landmarks")


def points_2d() -> Any:
    """Return 2d106det's shapes."""
    return _by_average(192, 192, np.zeros((1, 212), np.float32), np.zeros(212, np.float32), "points")


def arcface(size_px: int = 112) -> Any:
    """Return ArcFace's shapes: [N, 3, 112, 112] in, [N, 48] out."""
    cell = size_px // 4
    nodes = [
        helper.make_node("AveragePool", ["in"], ["p"], kernel_shape=[cell, cell], strides=[cell, cell]),
        helper.make_node("Flatten", ["p"], ["vector"]),
    ]
    picture = helper.make_tensor_value_info("in", TensorProto.FLOAT, ["None", 3, size_px, size_px])
    vector = helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["None", 48])
    return _model(helper.make_graph(nodes, "arcface", [picture], [vector]))


def _by_average(px: int, kernel: int, weight: Any, bias: Any, name: str) -> Any:
    """Return a model whose answer is a line in the mean of its input."""
    nodes = [
        helper.make_node("AveragePool", ["in"], ["p"], kernel_shape=[kernel, kernel]),
        helper.make_node("ReduceMean", ["p"], ["m"], axes=[1], keepdims=1),
        helper.make_node("Flatten", ["m"], ["f"]),
        helper.make_node("Gemm", ["f", "w", "b"], ["out"]),
    ]
    picture = helper.make_tensor_value_info("in", TensorProto.FLOAT, ["None", 3, px, px])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["None", len(bias)])
    initializers = [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(bias, "b")]
    return _model(helper.make_graph(nodes, name, [picture], [out], initializers))


def _model(graph: Any) -> Any:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def _save(model: Any, path: Path) -> None:
    onnx.save_model(model, str(path))
