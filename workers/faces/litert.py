"""The three face networks, run by LiteRT from the files inside the installed mediapipe wheel.

The wheel is a pinned dependency whose code is never imported: newer releases carry no models and fetch them
from the network. The files' hashes are checked, because a result's recipe names them.
"""

import hashlib
import importlib.util
import struct
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

MODEL_FILES = {
    "face_detection_short_range": (
        "face_detection",
        "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    ),
    "face_detection_full_range_sparse": (
        "face_detection",
        "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
    ),
    "face_landmark": ("face_landmark", "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814"),
}
"""Per model its folder under `mediapipe/modules` and its SHA-256 (mediapipe 0.10.21, Apache-2.0)."""

ENLARGEMENTS = {"face_detection_full_range_sparse": {15444: 48, 26916: 24, 48520: 12}}
"""Per model the places in its file where it says to what height and width a layer enlarges (two int32), and
the number that it says, for the input of 192 pixels that it was made for. For other inputs these change in
proportion; all other layers adapt."""
_MADE_PX = 192


class ModelFileError(Exception):
    """A face model is absent or is not the file that the recipes name."""


def model_path(name: str) -> Path:
    """Return where a model of `MODEL_FILES` lies, its hash checked.

    Raises:
        ModelFileError: mediapipe is not installed, carries no such file, or another version of it.
    """
    folder, sha256 = MODEL_FILES[name]
    spec = importlib.util.find_spec("mediapipe")
    if spec is None or not spec.submodule_search_locations:
        raise ModelFileError(
            f"the face model {name} comes with the mediapipe wheel, which is not installed: run `make venv`"
        )
    path = Path(next(iter(spec.submodule_search_locations)), "modules", folder, f"{name}.tflite")
    if not path.is_file():
        raise ModelFileError(
            f"{path} is missing: mediapipe 0.10.21 carries it, later releases do not; run `make venv`"
        )
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise ModelFileError(
            f"{path} has SHA-256 {found}, expected {sha256}: reinstall mediapipe 0.10.21 with `make venv`"
        )
    return path


class Network:
    """One model loaded and ready: a batch of one in, its outputs by name."""

    def __init__(self, name: str, num_threads: int, size_px: tuple[int, int] | None = None) -> None:
        """Load a model of `MODEL_FILES`.

        Args:
            name: of the model.
            num_threads: that it runs on.
            size_px: width and height of its input, multiples of 32, where they are not those that it was made
                for; then it has to be of convolutions all through.
        """
        model = bytearray(model_path(name).read_bytes())
        if size_px is not None:
            width, height = size_px
            for place, made in ENLARGEMENTS.get(name, {}).items():
                struct.pack_into("<2i", model, place, made * height // _MADE_PX, made * width // _MADE_PX)
        self._interpreter: Any = Interpreter(model_content=bytes(model), num_threads=num_threads)
        self._input: int = self._interpreter.get_input_details()[0]["index"]
        if size_px is not None:
            self._interpreter.resize_tensor_input(self._input, [1, size_px[1], size_px[0], 3])
        self._interpreter.allocate_tensors()
        self._outputs: list[int] = [detail["index"] for detail in self._interpreter.get_output_details()]

    def __call__(self, tensor: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return the outputs, in the model's order, for an input [1, H, W, 3] float32."""
        self._interpreter.set_tensor(self._input, tensor)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]
