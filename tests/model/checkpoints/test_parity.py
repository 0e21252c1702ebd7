"""The check passes on what the official code computed, and fails for the mistakes that it is there for."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from model.checkpoints.parity import Parity, check_parity, official_tensors
from model.network.config import CheckpointError

DATA = Path(__file__).parents[1] / "data" / "parity"
SIMPLE = DATA / "simple"
EYE = "model.landmarks_projector.region_layers.eye1.weight"


def copy(directory: Path) -> Path:
    for path in SIMPLE.iterdir():
        shutil.copyfile(path, directory / path.name)
    return directory


def change(directory: Path, name: str, edit: Callable[[dict[str, Tensor]], object]) -> None:
    tensors = {key: tensor.clone() for key, tensor in load_file(directory / name).items()}
    edit(tensors)
    save_file(tensors, directory / name)


def change_json(path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def outside(found: Parity) -> set[str]:
    return {row.tensor for row in found.rows if not row.is_within}


@pytest.mark.parametrize(("kind", "tensors"), [("simple", 16), ("masked", 15)])
def test_equals_the_official_code(kind: str, tensors: int) -> None:
    found = check_parity(DATA / kind)
    rows = found.rows
    assert (found.kind, found.is_within, len(rows)) == (kind, True, tensors)
    assert [row.tensor for row in rows] == sorted(row.tensor for row in rows)
    assert outside(found) == set()
    assert max(row.max_abs_error for row in rows) < 1e-4
    exact = {row.tensor: row for row in rows}["video_landmarks.generated_ids"]
    assert (exact.max_abs_error, exact.atol, exact.rtol, exact.worst_excess) == (0, 0, 0, 0)


def alter(name: str, by: float) -> Callable[[Path], None]:
    def edit(tensors: dict[str, Tensor]) -> None:
        tensors[name] += by

    return lambda directory: change(directory, "model.safetensors", edit)


def set_field(name: str, value: object) -> Callable[[Path], None]:
    return lambda directory: change_json(
        directory / "config.json", lambda config: config.update({name: value})
    )


def set_vision(kind: str, name: str, value: object) -> Callable[[Path], None]:
    path = f"{kind}_tower_config.json"
    return lambda directory: change_json(
        directory / path, lambda content: content["vision_config"].update({name: value})
    )


@pytest.mark.parametrize(
    ("mistake", "seen_in"),
    [
        (alter(EYE, 1e-2), {"video.landmark_tokens", "video_landmarks.encoded", "image_landmarks.logits"}),
        (alter("model.mm_projector.2.bias", 1e-2), {"video_landmarks.encoded", "image_landmarks.logits"}),
        (alter("model.layers.1.mlp.up_proj.weight", 1e-2), {"image_landmarks.logits", "mixed.loss"}),
        (
            set_field("branch_scale", 0.001),
            {"video_landmarks.encoded", "mixed.loss", "image_landmarks.logits"},
        ),
        (set_field("branch_scale", 1.0), {"video_landmarks.encoded", "mixed.loss", "image_landmarks.logits"}),
        (set_field("mm_vision_select_layer", -3), {"video.tower_features", "image.tower_features"}),
        (set_field("rms_norm_eps", 1e-3), {"image_landmarks.logits"}),
        (set_field("rms_norm_eps", 0), {"mixed.loss"}),
        (
            set_vision("video", "hidden_act", "quick_gelu"),
            {"video.tower_features", "video_landmarks.encoded"},
        ),
        (set_vision("image", "hidden_act", "quick_gelu"), {"image.tower_features", "image_landmarks.logits"}),
        (set_vision("video", "layer_norm_eps", 1e-2), {"video.tower_features"}),
    ],
    ids=[
        "a landmark weight",
        "a projector bias",
        "a decoder weight",
        "branch scale 0.001",
        "branch scale 1",
        "another layer",
        "norm eps",
        "no norm eps",
        "video activation",
        "image activation",
        "tower eps",
    ],
)
def test_mistakes_are_found(mistake: Callable[[Path], None], seen_in: set[str], tmp_path: Path) -> None:
    mistake(copy(tmp_path))
    assert outside(check_parity(tmp_path)) >= seen_in


def change_weight(name: str, edit: Callable[[Tensor], Tensor]) -> Callable[[Path], None]:
    def change_one(tensors: dict[str, Tensor]) -> None:
        tensors[name] = edit(tensors[name]).contiguous()

    return lambda directory: change(directory, "model.safetensors", change_one)


def scale(weight: Tensor) -> Tensor:
    return weight * 1.01


def swap_heads(weight: Tensor) -> Tensor:
    """Exchange the first two of four heads of a projection."""
    heads = weight.unflatten(0, (4, -1))
    return heads[[1, 0, 2, 3]].flatten(0, 1)


def permute(weight: Tensor) -> Tensor:
    return weight.roll(1, 0)


LAYER = "model.layers.0."
VIDEO = "model.video_tower.video_tower.encoder.layers.1."


@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param(change_weight("lm_head.weight", scale), id="1% of the head"),
        pytest.param(change_weight(LAYER + "mlp.down_proj.weight", scale), id="1% of a decoder layer"),
        pytest.param(change_weight(VIDEO + "temporal_embedding", scale), id="1% of a temporal embedding"),
        pytest.param(change_weight(VIDEO + "temporal_attn.k_proj.weight", scale), id="1% of temporal keys"),
        pytest.param(
            change_weight("model.landmarks_cross_attn.linear_proj.bias", scale), id="1% of the branch"
        ),
        pytest.param(change_weight(EYE, scale), id="1% of a region"),
        pytest.param(change_weight(LAYER + "self_attn.q_proj.weight", swap_heads), id="decoder heads"),
        pytest.param(change_weight(VIDEO + "self_attn.v_proj.weight", swap_heads), id="tower heads"),
        pytest.param(change_weight("model.norm.weight", permute), id="decoder norm"),
        pytest.param(change_weight(VIDEO + "temporal_layer_norm1.weight", permute), id="temporal norm"),
        pytest.param(
            change_weight("model.landmarks_cross_attn.cross_attn.ln.bias", permute), id="branch norm"
        ),
        pytest.param(change_weight("model.embed_tokens.weight", permute), id="embeddings"),
        pytest.param(set_field("rope_theta", 5000.0), id="rope theta"),
        pytest.param(set_field("hidden_act", "gelu"), id="decoder activation"),
        pytest.param(set_field("tokenizer_model_max_length", 20), id="longest prompt"),
    ],
)
def test_small_alterations_are_found(mistake: Callable[[Path], None], tmp_path: Path) -> None:
    mistake(copy(tmp_path))
    assert outside(check_parity(tmp_path))


def test_landmarks_of_another_frame_are_found(tmp_path: Path) -> None:
    def edit(inputs: dict[str, Tensor]) -> None:
        inputs["video_landmarks"] = inputs["video_landmarks"].roll(1, 1)

    change(copy(tmp_path), "inputs.safetensors", edit)
    assert "video_landmarks.encoded" in outside(check_parity(tmp_path))


@pytest.mark.parametrize("kind", ["simple", "masked"])
def test_the_official_tensors_are_all_known(kind: Literal["simple", "masked"]) -> None:
    meta = json.loads((DATA / kind / "meta.json").read_text())
    expected = set(load_file(DATA / kind / "expected.safetensors")) | set(meta["left_out"])
    assert expected == set(official_tensors(kind))
    only = set(official_tensors("masked")) - set(official_tensors("simple"))
    assert only == {"video_landmarks.rpp_mask"}
    assert "image_landmarks.logits" not in official_tensors("masked")
    assert not any("landmark" in name for name in official_tensors("none"))


@pytest.mark.parametrize("part", ["temporal_embedding", "temporal_attn.out_proj.weight"])
def test_a_missing_temporal_part_is_found(part: str, tmp_path: Path) -> None:
    def edit(weights: dict[str, Tensor]) -> None:
        for name, tensor in weights.items():
            if name.endswith(part):
                tensor.zero_()

    change(copy(tmp_path), "model.safetensors", edit)
    assert "video.tower_features" in outside(check_parity(tmp_path))


def test_landmarks_in_another_order_are_found(tmp_path: Path) -> None:
    def edit(inputs: dict[str, Tensor]) -> None:
        points = inputs["video_landmarks"].unflatten(-1, (68, 2))
        inputs["video_landmarks"] = points.transpose(-1, -2).flatten(-2).contiguous()

    change(copy(tmp_path), "inputs.safetensors", edit)
    assert "video.landmark_tokens" in outside(check_parity(tmp_path))


@pytest.mark.parametrize(
    "name", ["image_landmarks.logits", "image.generated_ids", "mixed.loss", "mixed.expanded_labels"]
)
def test_one_changed_expectation_is_found(name: str, tmp_path: Path) -> None:
    def edit(expected: dict[str, Tensor]) -> None:
        expected[name].view(-1)[-1] += 1

    change(copy(tmp_path), "expected.safetensors", edit)
    assert outside(check_parity(tmp_path)) == {name}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_is_never_within(value: float, tmp_path: Path) -> None:
    def edit(expected: dict[str, Tensor]) -> None:
        expected["image.tower_features"][1, 2, 3] = value

    change(copy(tmp_path), "expected.safetensors", edit)
    assert outside(check_parity(tmp_path)) == {"image.tower_features"}


def test_nan_in_an_input_is_never_within(tmp_path: Path) -> None:
    def edit(inputs: dict[str, Tensor]) -> None:
        inputs["image_landmarks"][0, 5] = float("nan")

    change(copy(tmp_path), "inputs.safetensors", edit)
    assert outside(check_parity(tmp_path)) >= {"image.landmark_tokens", "image_landmarks.logits"}


@pytest.mark.parametrize("name", ["image_landmarks.encoded", "video.generated_ids", "mixed.loss"])
def test_an_absent_expectation_fails(name: str, tmp_path: Path) -> None:
    change(copy(tmp_path), "expected.safetensors", lambda expected: expected.pop(name))
    found = check_parity(tmp_path)
    rows = {row.tensor: row for row in found.rows}
    assert outside(found) == {name}
    assert rows[name].note == "is not in expected.safetensors"


def test_only_what_is_listed_may_be_left_out(tmp_path: Path) -> None:
    change_json(copy(tmp_path) / "meta.json", lambda meta: meta["left_out"].remove("video.logits"))
    assert outside(check_parity(tmp_path)) == {"video.logits"}


@pytest.mark.parametrize(
    ("shape", "note"),
    [
        ([2, 16], ""),
        ([2, 15], "is [2, 16] in expected.safetensors, [2, 15] in meta.json"),
        (None, "is not in expected.safetensors"),
    ],
)
def test_what_meta_announces_must_be_there(shape: list[int] | None, note: str, tmp_path: Path) -> None:
    name = "video.generated_ids"
    edit_meta(expected={name: ["int64", shape or [2, 16]]})(copy(tmp_path))
    if shape is None:  # without its inputs nothing else would miss it
        change(tmp_path, "expected.safetensors", lambda tensors: tensors.pop(name))
        change(tmp_path, "inputs.safetensors", lambda tensors: tensors.pop("video_input_ids"))
    rows = {row.tensor: row for row in check_parity(tmp_path).rows}
    assert rows[name].is_within == (not note)
    assert rows[name].note == note


@pytest.mark.parametrize("name", ["audio.encoded", "video_landmarks.rpp_mask"])
def test_an_expectation_that_nothing_gives_fails(name: str, tmp_path: Path) -> None:
    change(copy(tmp_path), "expected.safetensors", lambda expected: expected.update({name: torch.ones(2)}))
    found = check_parity(tmp_path)
    rows = {row.tensor: row for row in found.rows}
    assert outside(found) == {name}
    assert rows[name].note == "nothing in the inputs gives it"


def test_expectations_without_their_inputs_fail(tmp_path: Path) -> None:
    change(copy(tmp_path), "inputs.safetensors", lambda inputs: inputs.pop("image_landmarks"))
    assert outside(check_parity(tmp_path)) >= {"image_landmarks.logits", "image.landmark_tokens"}


def test_another_shape_fails(tmp_path: Path) -> None:
    def edit(expected: dict[str, Tensor]) -> None:
        expected["image.tower_features"] = expected["image.tower_features"][:1].contiguous()

    change(copy(tmp_path), "expected.safetensors", edit)
    rows = {row.tensor: row for row in check_parity(tmp_path).rows}
    assert not rows["image.tower_features"].is_within
    assert rows["image.tower_features"].note == "is [2, 16, 64], expected [1, 16, 64]"


def edit_weights(edit: Callable[[dict[str, Tensor]], object]) -> Callable[[Path], None]:
    return lambda directory: change(directory, "model.safetensors", edit)


def edit_inputs(edit: Callable[[dict[str, Tensor]], object]) -> Callable[[Path], None]:
    return lambda directory: change(directory, "inputs.safetensors", edit)


def replace_file(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda directory: (directory / name).write_bytes(content)


def edit_meta(**fields: object) -> Callable[[Path], None]:
    return lambda directory: change_json(directory / "meta.json", lambda meta: meta.update(fields))


def float_ids(inputs: dict[str, Tensor]) -> None:
    inputs["video_input_ids"] = inputs["video_input_ids"].float()


def name_visuals(*names: str) -> Callable[[Path], None]:
    def edit(meta: dict[str, Any]) -> None:
        meta["notes"]["mixed_visuals_in_order"] = names

    return lambda directory: change_json(directory / "meta.json", edit)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (edit_weights(lambda weights: weights.pop(EYE)), f"1 missing: {EYE}"),
        (edit_weights(lambda weights: weights[EYE].fill_(float("nan"))), f"1 not finite as float32: {EYE}"),
        (replace_file("expected.safetensors", b"x"), r"expected\.safetensors cannot be read"),
        (replace_file("inputs.safetensors", b""), r"inputs\.safetensors cannot be read"),
        (replace_file("meta.json", b"{"), r"meta\.json cannot be read"),
        (replace_file("meta.json", b"[]"), r"meta\.json cannot be read: it is list, not an object"),
        (edit_meta(left_out="video.logits"), "left_out 'video.logits' is no list"),
        (edit_meta(left_out=[3]), r"left_out \[3\] is no list of names"),
        (edit_meta(expected={"video.logits": 3}), r"meta\.json cannot be read"),
        (edit_meta(notes={}), "no notes.mixed_visuals_in_order"),
        (edit_inputs(float_ids), "do not fit the model .RuntimeError"),
        (edit_inputs(lambda inputs: inputs.pop("mixed_labels")), "do not fit the model .*mixed_labels"),
        (edit_inputs(lambda inputs: inputs["video_input_ids"].fill_(1)), "0 placeholders .* for 16 pictures"),
        (name_visuals("sound[0]"), "mixed visual 'sound"),
        (name_visuals("video[0]", "image[1]", "video[2]"), "IndexError"),
        (edit_inputs(lambda inputs: inputs.clear()), "no case"),
    ],
    ids=[
        "missing weight",
        "weight with NaN",
        "expected",
        "inputs",
        "meta",
        "meta's kind",
        "what is left out",
        "what is left out, by number",
        "what is announced",
        "no visuals",
        "ids that are no ids",
        "labels",
        "placeholders",
        "visual",
        "visual's row",
        "no case",
    ],
)
def test_what_cannot_be_checked_is_an_error(
    damage: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    damage(copy(tmp_path))
    with pytest.raises(CheckpointError, match=message):
        check_parity(tmp_path)


def test_a_mistyped_directory_is_not_sought_on_the_hub() -> None:
    with pytest.raises(CheckpointError, match="a/b: is no directory on this machine"):
        check_parity("a/b")


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(ValueError, match="no engine 'abacus'"):
        check_parity(SIMPLE, engine="abacus")  # pyright: ignore[reportArgumentType]


def test_vllm_is_not_started_for_a_decoder_that_it_cannot_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_installed(_: object) -> None:
        pass

    monkeypatch.setattr("model.checkpoints.parity.check_engine", is_installed)
    shutil.copytree(SIMPLE, tmp_path, dirs_exist_ok=True)
    change_json(tmp_path / "config.json", lambda content: content.update(hidden_act="gelu"))
    with pytest.raises(ValueError, match="with silu only, and this one has gelu"):
        check_parity(tmp_path, "vllm")
