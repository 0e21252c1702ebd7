import hashlib
import json
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from model.checkpoints.layout import read_config
from model.checkpoints.weight_plan import build_empty
from model.checkpoints.weights import (
    find_weights,
    hash_weights,
    is_finite,
    official_name,
    promised_names,
    read_headers,
    read_tensors,
)
from model.network.config import CheckpointError

SIMPLE = Path(__file__).parents[1] / "data" / "parity" / "simple"
TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b.c": torch.ones(4, dtype=torch.bfloat16)}


def test_our_names_are_the_official_ones() -> None:
    official = {header.name for header in read_headers(SIMPLE / "model.safetensors")}
    assert {official_name(name) for name in build_empty(read_config(SIMPLE)).state_dict()} == official


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
def test_both_formats_tell_the_same(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"weights.{suffix}"
    if suffix == "bin":
        torch.save(OrderedDict(TENSORS), path)
    else:
        save_file(TENSORS, path)
    headers = {header.name: (header.dtype, header.shape) for header in read_headers(path)}
    assert headers == {"a": (torch.float32, (2, 3)), "b.c": (torch.bfloat16, (4,))}
    for name, tensor in read_tensors(path, ["b.c", "a"]):
        assert torch.equal(tensor, TENSORS[name])


def test_safetensors_come_before_bin(tmp_path: Path) -> None:
    torch.save(TENSORS, tmp_path / "pytorch_model.bin")
    assert find_weights(tmp_path) == (tmp_path / "pytorch_model.bin",)
    save_file(TENSORS, tmp_path / "model.safetensors")
    assert find_weights(tmp_path) == (tmp_path / "model.safetensors",)


def test_shards_are_those_of_the_index(tmp_path: Path) -> None:
    weight_map = {
        "a": "model-00002.safetensors",
        "b": "model-00001.safetensors",
        "c": "model-00002.safetensors",
    }
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(CheckpointError, match=r"missing files: model-00001\.safetensors, model-00002"):
        find_weights(tmp_path)
    for shard in weight_map.values():
        (tmp_path / shard).touch()
    assert [path.name for path in find_weights(tmp_path)] == [
        "model-00001.safetensors",
        "model-00002.safetensors",
    ]


def test_an_index_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin.index.json").write_text('{"weights": {}}')
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin\.index\.json is no index"):
        find_weights(tmp_path)


def test_no_weights_at_all(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="has no weights"):
        find_weights(tmp_path)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_a_truncated_file_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path.suffix == ".bin":
        torch.save(TENSORS, path)
    else:
        save_file(TENSORS, path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CheckpointError, match=f"{path.stem}.* cannot be read"):
        read_headers(path)


class Payload:
    """Anything that is no tensor."""


class Code:
    """What runs when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("ran",)


@pytest.mark.parametrize("content", [Payload(), {"state_dict": TENSORS}, [torch.ones(1)]])
def test_a_bin_with_more_than_tensors_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"\.bin is no (file of tensors alone|plain dictionary)"):
        read_headers(tmp_path / "pytorch_model.bin")


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_sparse_tensor_is_refused(is_zip: bool, tmp_path: Path) -> None:
    path = tmp_path / "pytorch_model.bin"
    content = TENSORS | {"thin": torch.eye(3).to_sparse()}
    torch.save(content, path, _use_new_zipfile_serialization=is_zip)
    with pytest.raises(
        CheckpointError, match=r"pytorch_model\.bin (holds sparse tensors: thin|cannot be read)"
    ):
        read_headers(path)


@pytest.mark.parametrize("is_zip", [True, False])
def test_what_a_bin_would_run_is_named_and_not_run(
    is_zip: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pytorch_model.bin"
    torch.save({"weight": Code()}, path, _use_new_zipfile_serialization=is_zip)
    with pytest.raises(CheckpointError, match=r"code in it, .*print, would run"):
        read_headers(path)
    assert capsys.readouterr().out == ""


def test_torchs_older_format_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pytorch_model.bin"
    torch.save({"weight": torch.arange(3.0)}, path, _use_new_zipfile_serialization=False)
    assert [header.shape for header in read_headers(path)] == [(3,)]
    assert dict(read_tensors(path, ["weight"]))["weight"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("values", "dtype", "finite"),
    [
        ([1.0, -2.0], torch.float32, True),
        ([1.0, float("nan"), 2.0], torch.float32, False),
        ([float("-inf"), 0.0], torch.bfloat16, False),
        ([70000.0], torch.float16, False),
        ([70000.0], torch.bfloat16, True),
        ([], torch.float32, True),
    ],
)
def test_values_are_finite_in_a_dtype(values: list[float], dtype: torch.dtype, finite: bool) -> None:
    assert is_finite(torch.tensor(values), dtype) is finite


def test_the_index_promises_names(tmp_path: Path) -> None:
    assert promised_names(tmp_path) == ()
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "1.safetensors", "b": "1.safetensors"}}))
    assert promised_names(tmp_path) == ("a", "b")


@pytest.mark.parametrize("name", ["../1.safetensors", "/etc/passwd", "", 3])
def test_an_index_names_only_files_beside_it(name: object, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(CheckpointError, match="no index of weight files"):
        find_weights(tmp_path)


def test_the_hash_is_that_of_the_bytes_in_order(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    first.write_bytes(b"x" * (1 << 20) + b"y")
    second.write_bytes(b"z")
    assert hash_weights([first, second]) == hashlib.sha256(first.read_bytes() + b"z").hexdigest()
    assert hash_weights([second, first]) != hash_weights([first, second])
