from pathlib import Path

import numpy as np
import pytest
import torch

from model.network.face_llava import FaceLlava
from model.training.pictures import prepare_pictures
from model.training.priming import Glances, Look, Primer, Truths, copy_image_tower
from tests.model.training.training_data import TINY


@pytest.fixture
def crops(tmp_path: Path) -> list[Path]:
    random = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.npy" for number in range(4)]
    for number, path in enumerate(paths):
        # Even clips are dark, odd ones bright.
        np.save(
            path, random.integers(90 * (number % 2), 100 + 90 * (number % 2), (2, 56, 56, 3), dtype=np.uint8)
        )
    return paths


TRUTHS = Truths(
    classes=(np.array([0, 1, 0, 1]),),
    counts=(2,),
    flags=np.array([[0.0], [1.0], [0.0], [1.0]], np.float32),
    numbers=np.array([[-1.0], [1.0], [-1.0], [1.0]], np.float32),
    seen=np.array([[True, True], [True, True], [False, True], [True, True]]),
)


def test_pictures_are_scaled_once(crops: list[Path], tmp_path: Path) -> None:
    pictures = prepare_pictures(crops, TINY, tmp_path)
    assert pictures.frames.shape == pictures.stills.shape == (4, 2, 28, 28, 3)
    assert pictures.frames[1].mean() > pictures.frames[0].mean() + 50
    crops[0].unlink()
    assert (prepare_pictures(crops, TINY, tmp_path).frames == pictures.frames).all()


def test_both_towers_learn_to_tell(crops: list[Path], tmp_path: Path) -> None:
    torch.manual_seed(0)
    pictures = prepare_pictures(crops, TINY, tmp_path)
    model = FaceLlava(TINY)
    looks: list[tuple[Look, int]] = [("still", 7), ("clip", 4)]
    for look, count in looks:
        if look == "clip":
            copy_image_tower(model)
        lessons = Glances(pictures, TRUTHS, range(4), look).lessons()
        assert len(lessons.modalities) == count  # frames that do not show it yet are left out
        batch = lessons.collate([lessons.examples[number] for number in range(count)])
        primer = Primer(model, TRUTHS, look).eval()
        before = float(primer(batch).detach())
        optimiser = torch.optim.Adam([parameter for _, parameter in primer.learning()], lr=1e-2)
        for _ in range(12):
            loss = primer(batch)
            loss.backward()
            optimiser.step()
            primer.zero_grad()
        assert float(primer(batch).detach()) < 0.5 * before


def test_the_video_tower_begins_as_the_image_tower() -> None:
    torch.manual_seed(0)
    model = FaceLlava(TINY)
    copy_image_tower(model)
    assert model.image_tower is not None
    assert model.video_tower is not None
    pixels = torch.randn(1, 3, 2, 28, 28)
    of_frames = model.image_tower.encode_image(pixels[0].transpose(0, 1), "cls_patch")
    torch.testing.assert_close(model.video_tower.encode_video(pixels)[0], of_frames)
