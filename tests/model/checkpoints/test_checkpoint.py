import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from model.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from model.checkpoints.layout import read_config
from model.checkpoints.layout_text import write_config
from model.checkpoints.weights import official_name
from model.network.config import CheckpointError
from model.network.face_llava import FaceLlava

SIMPLE = Path(__file__).parents[1] / "data" / "parity" / "simple"
EYE = "model.landmarks_projector.region_layers.eye1.weight"
HEAD = "lm_head.weight"
IMAGE = "model.image_tower.image_tower."


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    return load_file(SIMPLE / "model.safetensors")


def write_checkpoint(directory: Path, weights: dict[str, Tensor]) -> Path:
    directory.mkdir(exist_ok=True)
    for path in SIMPLE.glob("*config.json"):
        shutil.copyfile(path, directory / path.name)
    save_file(weights, directory / "model.safetensors")
    return directory


def load(directory: Path, **options: Any) -> FaceLlava:
    return load_checkpoint(directory, dtype="float32", device="cpu", **options).model


def has_weights(model: FaceLlava, weights: dict[str, Tensor]) -> bool:
    state = model.state_dict()
    return all(torch.equal(tensor, weights[official_name(name)]) for name, tensor in state.items())


def test_loads_the_official_layout(weights: dict[str, Tensor]) -> None:
    checkpoint = load_checkpoint(SIMPLE, dtype="float32", device="cpu")
    assert has_weights(checkpoint.model, weights)
    assert not checkpoint.model.training
    assert not any(parameter.requires_grad for parameter in checkpoint.model.parameters())
    assert checkpoint.config == read_config(SIMPLE)
    assert checkpoint.model_id == f"simple@{checkpoint.weights_sha256[:12]}"
    assert checkpoint.tokenizer_path == SIMPLE / "tokenizer.model"
    assert checkpoint.is_demonstration


def test_what_is_not_saved_is_computed(weights: dict[str, Tensor]) -> None:
    built = FaceLlava(read_config(SIMPLE)).eval()
    built.load_state_dict({name: weights[official_name(name)] for name in built.state_dict()})
    ids = [torch.arange(1, 30)]
    assert torch.equal(load(SIMPLE)(ids, []).logits, built(ids, []).logits)


@pytest.mark.parametrize(
    ("dtype", "expected"), [("bfloat16", torch.bfloat16), (torch.float16, torch.float16)]
)
def test_weights_are_converted(dtype: Any, expected: torch.dtype, weights: dict[str, Tensor]) -> None:
    model = load_checkpoint(SIMPLE, dtype=dtype, device="cpu").model
    assert {parameter.dtype for parameter in model.parameters()} == {expected}
    assert torch.equal(model.llm.lm_head.weight, weights[HEAD].to(expected))


def test_auto_is_float32_on_the_cpu() -> None:
    assert load_checkpoint(SIMPLE, device="cpu").model.dtype == torch.float32


def test_an_unknown_dtype_is_refused() -> None:
    with pytest.raises(ValueError, match="dtype 'int4' is none of float32"):
        load_checkpoint(SIMPLE, dtype="int4")


def test_bin_shards_hold_the_same(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    directory = write_checkpoint(tmp_path, weights)
    (directory / "model.safetensors").unlink()
    weight_map: dict[str, str] = {}
    for number in range(2):
        names = sorted(weights)[number::2]
        shard = f"pytorch_model-0000{number}.bin"
        torch.save({name: weights[name] for name in names}, directory / shard)
        weight_map |= dict.fromkeys(names, shard)
    (directory / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": weight_map}))
    assert has_weights(load(directory), weights)


def test_the_loaded_model_does_not_hang_on_its_files(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    directory = write_checkpoint(tmp_path, weights)
    model = load(directory)
    path = directory / "model.safetensors"
    with path.open("r+b") as file:
        file.write(b"\xff" * path.stat().st_size)
    assert has_weights(model, weights)


def test_dormant_tensors_are_neither_needed_nor_loaded(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    assert has_weights(load(write_checkpoint(tmp_path, weights | idle(weights))), weights)


def idle(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return some modules that never act, each whole."""
    last, before = f"{IMAGE}encoder.layers.2.", f"{IMAGE}encoder.layers.1."
    return {
        **{f"model.layers.{layer}.self_attn.rotary_emb.inv_freq": torch.ones(16) for layer in (0, 1)},
        **{f"model.landmarks_cross_attn.ln.{part}": torch.ones(128) for part in ("weight", "bias")},
        **{f"{IMAGE}post_layernorm.{part}": torch.ones(64) for part in ("weight", "bias")},
        **{
            last + name.removeprefix(before): weights[name].clone()
            for name in weights
            if name.startswith(before)
        },
    }


@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        ("model.layers.1.self_attn.rotary_emb.inv_freq", None, "1 missing: .*layers.1.self_attn.rotary_emb"),
        (
            "model.landmarks_cross_attn.ln.bias",
            torch.full((128,), float("nan")),
            "1 not finite.*attn.ln.bias",
        ),
        (f"{IMAGE}encoder.layers.2.mlp.fc1.bias", None, "1 missing: .*layers.2.mlp.fc1.bias"),
        (f"{IMAGE}encoder.layers.2.mlp.fc9.bias", torch.ones(128), "1 unexpected: .*layers.2.mlp.fc9.bias"),
        (f"{IMAGE}post_layernorm.bias", torch.ones(3), r"1 misshaped: .*bias is \[3\] and should be \[64\]"),
    ],
    ids=["a buffer", "nan", "part of a layer", "another name", "another shape"],
)
def test_what_never_acts_may_be_left_out_but_not_be_damaged(
    name: str, tensor: Tensor | None, message: str, tmp_path: Path, weights: dict[str, Tensor]
) -> None:
    damaged = fault(name, tensor)(weights | idle(weights))
    with pytest.raises(CheckpointError, match=message):
        load(write_checkpoint(tmp_path, damaged))


def fault(name: str, tensor: Tensor | None) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    def damage(weights: dict[str, Tensor]) -> dict[str, Tensor]:
        rest = {key: value for key, value in weights.items() if key != name}
        return rest if tensor is None else rest | {name: tensor}

    return damage


def with_one(value: float) -> Tensor:
    tensor = torch.zeros(128, 12)
    tensor[3, 4] = value
    return tensor


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (fault(EYE, None), f"1 missing: {EYE}"),
        (fault("model.naive_adapter.weight", torch.ones(2)), "1 unexpected: model.naive_adapter.weight"),
        (fault(EYE, torch.ones(128, 14)), rf"1 misshaped: {EYE} is \[128, 14\] and should be \[128, 12\]"),
        (fault(EYE, with_one(float("nan"))), f"1 not finite as float32: {EYE}"),
        (fault(EYE, with_one(float("-inf"))), f"1 not finite as float32: {EYE}"),
        (fault(f"{IMAGE}pre_layrnorm.bias", None), "1 missing: .*image_tower.pre_layrnorm.bias"),
    ],
    ids=["missing", "unexpected", "misshaped", "nan", "infinity", "part of a tower"],
)
def test_each_fault_is_named(
    damage: Callable[[dict[str, Tensor]], dict[str, Tensor]],
    message: str,
    tmp_path: Path,
    weights: dict[str, Tensor],
) -> None:
    with pytest.raises(CheckpointError, match=message) as caught:
        load(write_checkpoint(tmp_path, damage(weights)))
    assert len(caught.value.problems) == 1


def test_all_faults_are_in_one_error(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    damaged = fault(HEAD, None)(fault(EYE, with_one(float("nan")))(weights))
    damaged |= {"model.norm.weight": torch.ones(7), "spare": torch.ones(1)}
    with pytest.raises(CheckpointError) as caught:
        load(write_checkpoint(tmp_path, damaged))
    kinds = [problem.partition(":")[0] for problem in caught.value.problems]
    assert kinds == ["1 missing", "1 unexpected", "1 misshaped", "1 not finite as float32"]


def test_what_overflows_in_half_precision_is_not_finite(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    directory = write_checkpoint(tmp_path, fault(EYE, with_one(1e5))(weights))
    load(directory)
    with pytest.raises(CheckpointError, match=f"1 not finite as float16: {EYE}"):
        load_checkpoint(directory, dtype="float16", device="cpu")


def test_a_tensor_in_two_shards_is_unexpected(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    directory = write_checkpoint(tmp_path, weights)
    save_file({HEAD: weights[HEAD]}, directory / "more.safetensors")
    weight_map = {"a": "model.safetensors", "b": "more.safetensors"}
    (directory / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(CheckpointError, match=f"1 unexpected: {HEAD}"):
        load(directory)


def move_tower(directory: Path, weights: dict[str, Tensor]) -> Path:
    """Take the image tower out of a checkpoint, into a folder as its hub repository has it."""
    rest = {name: tensor for name, tensor in weights.items() if not name.startswith(IMAGE)}
    write_checkpoint(directory, rest)
    (directory / "image_tower_config.json").unlink()
    config = json.loads((directory / "config.json").read_text()) | {"mm_image_tower": "towers/image"}
    (directory / "config.json").write_text(json.dumps(config))
    tower = directory / "towers" / "image"
    tower.mkdir(parents=True)
    shutil.copyfile(SIMPLE / "image_tower_config.json", tower / "config.json")
    names = {name: name.replace(IMAGE, "vision_model.") for name in weights if name.startswith(IMAGE)}
    text = {"text_model.final_layer_norm.weight": torch.ones(3), "logit_scale": torch.ones(())}
    torch.save({names[name]: weights[name] for name in names} | text, tower / "pytorch_model.bin")
    return directory


def test_a_tower_comes_from_its_own_repository(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    directory = move_tower(tmp_path, weights)
    before = load_checkpoint(directory, device="cpu")
    assert has_weights(before.model, weights)
    changed = torch.load(directory / "towers/image/pytorch_model.bin")
    changed["vision_model.pre_layrnorm.bias"] += 1
    torch.save(changed, directory / "towers/image/pytorch_model.bin")
    assert load_checkpoint(directory, device="cpu").weights_sha256 != before.weights_sha256


def test_what_has_no_directory_and_no_id_is_refused() -> None:
    with pytest.raises(CheckpointError, match="is no directory, and no hub id"):
        load_checkpoint("no/such/directory")


def test_settings_can_be_replaced(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    model = load(SIMPLE, branch_scale=0.001)
    assert model.config.branch_scale == 0.001
    pixels, landmarks = torch.rand(1, 3, 56, 56), torch.rand(1, 136)
    assert not torch.equal(
        model.encode_image(pixels, landmarks), load(SIMPLE).encode_image(pixels, landmarks)
    )
    with pytest.raises(CheckpointError, match=r"missing: .*k_proj"):
        load(SIMPLE, cross_attention="geometric")


def test_a_branch_that_the_config_forgot_can_be_named(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    directory = write_checkpoint(tmp_path, weights)
    reset = ("landmarks_projector_type", "global_landmarks_projector_type", "cross_attn_type")
    config = json.loads((directory / "config.json").read_text()) | dict.fromkeys(reset)
    (directory / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"unexpected: .*landmarks_projector"):
        load(directory)
    assert has_weights(load(directory, cross_attention="simple"), weights)


@pytest.mark.parametrize("kind", ["masked", "none"])
def test_what_is_saved_is_loaded(kind: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = FaceLlava(replace(read_config(SIMPLE), cross_attention=kind, branch_scale=0.3)).bfloat16()
    save_checkpoint(model, tmp_path / "new")
    loaded = load_checkpoint(tmp_path / "new", dtype="bfloat16", device="cpu")
    assert loaded.config == replace(model.config, weights_dtype="bfloat16")
    expected = model.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in loaded.model.state_dict().items())


def test_a_training_card_makes_a_saved_checkpoint_real(tmp_path: Path) -> None:
    model = FaceLlava(read_config(SIMPLE))
    save_checkpoint(model, tmp_path, card={"trained_on": ["some faces"]})
    assert not load_checkpoint(tmp_path, device="cpu").is_demonstration
    write_config(replace(model.config, is_marked_demonstration=True), tmp_path)
    assert load_checkpoint(tmp_path, device="cpu").is_demonstration
