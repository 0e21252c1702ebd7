import shutil
from pathlib import Path

import onnx
import pytest

from tests.workers.packs import arcface, landmarks, points_2d, scrfd, write_pack
from workers.faces.detection import DetectorConfig
from workers.faces.insight_pack import PackError, inspect_pack


def test_models_are_told_apart_by_shape_whatever_they_are_called(tmp_path: Path) -> None:
    for name, model in (("a", points_2d()), ("b", arcface(128)), ("c", landmarks()), ("d", scrfd())):
        onnx.save_model(model, str(tmp_path / f"{name}.onnx"))
    pack = inspect_pack(tmp_path)
    assert pack.recognition is not None
    assert [path.stem for path in (pack.recognition, pack.landmarks, pack.detection)] == ["b", "c", "d"]


def test_a_pack_without_recognition_is_one(tmp_path: Path) -> None:
    assert inspect_pack(write_pack(tmp_path, recognition=False)).recognition is None


def test_the_hash_is_that_of_the_models_that_are_used(tmp_path: Path) -> None:
    first, moved = write_pack(tmp_path / "one"), write_pack(tmp_path / "two")
    sha256 = inspect_pack(first).sha256
    (moved / "det_10g.onnx").rename(moved / "other_name.onnx")
    (moved / "2d106det.onnx").unlink()
    assert inspect_pack(moved).sha256 == sha256
    assert inspect_pack(write_pack(moved, recognition=False)).sha256 == sha256
    (moved / "w600k_r50.onnx").unlink()
    assert inspect_pack(moved).sha256 != sha256
    assert inspect_pack(write_pack(tmp_path / "three", rank=3)).sha256 != sha256


def test_what_is_wrong_with_a_pack_is_said(tmp_path: Path) -> None:
    def refused(directory: Path, message: str) -> None:
        with pytest.raises(PackError, match=message):
            inspect_pack(directory)

    refused(tmp_path / "nowhere", "nowhere is no directory")
    refused(tmp_path, r"holds no \.onnx files")
    pack = write_pack(tmp_path / "pack")
    for name, message in (("1k3d68", "no landmarks model"), ("det_10g", "no detection model")):
        lacking = Path(shutil.copytree(pack, tmp_path / name))
        (lacking / f"{name}.onnx").unlink()
        refused(lacking, message)
    onnx.save_model(_with_outputs(6), str(pack / "det_10g.onnx"))
    refused(pack, "detector with 6 outputs")
    for content in (b"", b"<html>not found</html>", (write_pack(pack) / "1k3d68.onnx").read_bytes()[:9000]):
        (pack / "1k3d68.onnx").write_bytes(content)
        refused(pack, r"1k3d68\.onnx is ")


def _with_outputs(count: int) -> onnx.ModelProto:
    model = scrfd()
    del model.graph.output[count:]
    return model


def test_a_configuration_is_pinned_to_the_contents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pack(tmp_path / "pack")
    monkeypatch.chdir(tmp_path)
    pinned = DetectorConfig(backend="insightface", pack="pack").pinned()
    assert pinned.pack == str(tmp_path / "pack")
    assert pinned.pack_sha256 == inspect_pack(tmp_path / "pack").sha256
    assert pinned.pinned() == pinned
    assert DetectorConfig().pinned() == DetectorConfig()
    write_pack(tmp_path / "pack", rank=3)
    with pytest.raises(PackError, match="the recipe says"):
        pinned.pinned()


def test_a_pack_goes_with_its_backend() -> None:
    with pytest.raises(ValueError, match=r"give detector\.pack"):
        DetectorConfig(backend="insightface")
    with pytest.raises(ValueError, match=r'detector\.backend = "insightface"'):
        DetectorConfig(pack="somewhere")
    with pytest.raises(ValueError, match=r"detector\.input_px is 100"):
        DetectorConfig(input_px=100)
