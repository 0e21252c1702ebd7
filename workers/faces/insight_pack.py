"""An InsightFace model pack: a directory of ONNX files, told apart by their shapes as InsightFace does.

Needed are SCRFD with keypoints (9 outputs: score, box and keypoints at strides 8, 16 and 32) and the 3D
landmarks (a 192 px square in, 1,103 points out, of which the last 68 are iBUG's). ArcFace (a square of 112 px
or more in, one vector out) is used where it is there. Other models are left alone. Nothing is downloaded:
what is not in the directory is an error.

The weights that InsightFace publishes are for non-commercial research: the user brings them.
"""

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRFD_OUTPUTS = 9
LANDMARKS_PX = 192
LANDMARK_VALUES = 1103 * 3
_ARCFACE_PX = 112

_Sizes = list[int | None]
"""Of a tensor's axes; None where the model leaves one open."""


class PackError(ValueError):
    """A model pack that cannot be used; the message says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Pack:
    """The models of a pack that are used."""

    directory: Path
    detection: Path
    landmarks: Path
    recognition: Path | None
    sha256: str
    """Of the roles and contents of these models: equal for packs that give equal results."""

    def check(self, sha256: str | None) -> None:
        """Compare with the hash that a recipe names, if it names one.

        Raises:
            PackError: they differ.
        """
        if sha256 is not None and sha256 != self.sha256:
            raise PackError(
                f"model pack {self.directory} has SHA-256 {self.sha256}, the recipe says {sha256}: "
                "give the directory of that pack, or leave detector.pack_sha256 out"
            )


def inspect_pack(directory: Path) -> Pack:
    """Look at a pack's models without running them.

    Raises:
        PackError: there is no such directory, it holds no usable models, or the extra is not installed.
    """
    if importlib.util.find_spec("onnx") is None or importlib.util.find_spec("insightface") is None:
        raise PackError("the insightface extra is not installed: run `pip install 'facesift[insightface]'`")
    if not directory.is_dir():
        raise PackError(f"{directory} is no directory: detector.pack names that of an InsightFace model pack")
    files = sorted(directory.glob("*.onnx"))
    if not files:
        raise PackError(f"{directory} holds no .onnx files: unpack the InsightFace model pack there")
    by_role: dict[str, Path] = {}
    for file in files:
        role = _role(file)
        if role is not None:
            by_role.setdefault(role, file)
    for role, what in (("detection", "SCRFD with keypoints"), ("landmarks", "3D landmarks (1k3d68)")):
        if role not in by_role:
            names = ", ".join(file.name for file in files)
            raise PackError(f"{directory} has no {role} model ({what}) among {names}: use a pack with one")
    lines = [f"{role} {hashlib.sha256(by_role[role].read_bytes()).hexdigest()}" for role in sorted(by_role)]
    return Pack(
        directory,
        by_role["detection"],
        by_role["landmarks"],
        by_role.get("recognition"),
        hashlib.sha256("\n".join(lines).encode()).hexdigest(),
    )


def _role(file: Path) -> str | None:
    """Return what a model is for; None for one that is not needed here."""
    inputs, outputs = _shapes(file)
    if len(outputs) >= 5:
        if len(outputs) != SCRFD_OUTPUTS:
            raise PackError(
                f"{file} is a detector with {len(outputs)} outputs: of SCRFD the models with keypoints and "
                f"three strides ({SCRFD_OUTPUTS} outputs) are supported"
            )
        return "detection"
    sizes = inputs[0]
    if len(inputs) != 1 or len(outputs) != 1 or len(sizes) != 4:
        return None
    height_px, width_px = sizes[2:]
    if height_px is None or height_px != width_px:
        return None
    if height_px == LANDMARKS_PX:
        return "landmarks" if outputs[0][-1] == LANDMARK_VALUES else None
    return "recognition" if height_px >= _ARCFACE_PX and height_px % 16 == 0 else None


def _shapes(file: Path) -> tuple[list[_Sizes], list[_Sizes]]:
    import onnx  # noqa: PLC0415 - comes with the extra
    from google.protobuf.message import DecodeError  # noqa: PLC0415

    try:
        graph: Any = onnx.load_model(str(file), load_external_data=False).graph
    except (DecodeError, OSError) as error:
        raise PackError(f"{file} is no readable ONNX model ({error}): unpack the model pack again") from error
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [_sizes(value) for value in graph.input if value.name not in weights]
    if not inputs or not graph.output:
        raise PackError(f"{file} is an ONNX model without inputs or outputs: unpack the model pack again")
    return inputs, [_sizes(value) for value in graph.output]


def _sizes(value: Any) -> _Sizes:
    return [axis.dim_value or None for axis in value.type.tensor_type.shape.dim]
