"""The transforms against restatements with other means: numpy for the video, Pillow for the picture."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from model.clip import FaceClip
from model.preprocess import CLIP_MEAN, CLIP_STD, Preprocess, image_pixels, sampled_frames, video_pixels

MEAN, STD = np.array(CLIP_MEAN), np.array(CLIP_STD)
LEVEL = 1 / 255


def pixels(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(7).integers(0, 256, shape, dtype=np.uint8)


def unnormalised(tensor_CHW: NDArray[np.float32]) -> NDArray[np.float64]:
    return tensor_CHW.transpose(1, 2, 0).astype(np.float64) * STD + MEAN


def bilinear(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.float64]:
    """Scale [H, W, 3] with half-pixel centres and clamped edges, 0..1, without antialiasing."""
    result = picture / 255.0
    for axis, size in ((0, height), (1, width)):
        old = result.shape[axis]
        at = np.clip((np.arange(size) + 0.5) * old / size - 0.5, 0, old - 1)
        low = at.astype(int)
        high = np.minimum(low + 1, old - 1)
        share = (at - low).reshape([-1 if dimension == axis else 1 for dimension in range(3)])
        result = result.take(low, axis) * (1 - share) + result.take(high, axis) * share
    return result


@pytest.mark.parametrize("side", [40, 56, 96, 256])
def test_a_square_video_is_scaled_bilinearly_without_antialiasing(side: int) -> None:
    frames = pixels(2, side, side, 3)
    result = video_pixels(frames, 56).numpy()
    assert result.shape == (3, 2, 56, 56)
    for frame in range(2):
        assert np.abs(unnormalised(result[:, frame]) - bilinear(frames[frame], 56, 56)).max() < LEVEL / 10


@pytest.mark.parametrize(("height", "width", "scaled"), [(70, 45, (87, 56)), (45, 70, (56, 87))])
def test_an_oblong_video_is_scaled_by_its_short_side_and_cut_around_the_centre(
    height: int, width: int, scaled: tuple[int, int]
) -> None:
    frames = pixels(1, height, width, 3)
    whole = bilinear(frames[0], *scaled)
    top, left = (round((side - 56) / 2) for side in scaled)
    result = unnormalised(video_pixels(frames, 56).numpy()[:, 0])
    assert np.abs(result - whole[top : top + 56, left : left + 56]).max() < LEVEL / 10


def bicubic(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.float64]:
    """Scale with Pillow's antialiased bicubic filter in floating point, 0..1."""
    channels = [Image.fromarray(picture[..., c].astype(np.float32)) for c in range(3)]
    return (
        np.stack([np.asarray(c.resize((width, height), Image.Resampling.BICUBIC)) for c in channels], -1)
        / 255.0
    )


@pytest.mark.parametrize("side", [40, 57, 96, 256])
def test_a_square_picture_is_scaled_bicubically_with_antialiasing(side: int) -> None:
    picture = pixels(side, side, 3)
    result = unnormalised(image_pixels(picture, 56).numpy())
    assert np.abs(result - bicubic(picture, 56, 56)).max() < LEVEL


def test_a_picture_of_the_right_size_keeps_its_pixels() -> None:
    picture = pixels(56, 56, 3)
    assert np.abs(unnormalised(image_pixels(picture, 56).numpy()) - picture / 255.0).max() < 1e-6


def test_an_oblong_picture_is_cut_or_padded() -> None:
    picture = pixels(60, 100, 3)
    cut = unnormalised(image_pixels(picture, 56).numpy())
    assert np.abs(cut - bicubic(picture, 56, 93)[:, 18:74]).max() < LEVEL
    squared = np.broadcast_to(
        np.array([int(mean * 255) for mean in CLIP_MEAN], np.uint8), (100, 100, 3)
    ).copy()
    squared[20:80] = picture
    padded = unnormalised(image_pixels(picture, 56, is_padded=True).numpy())
    assert np.abs(padded - bicubic(squared, 56, 56)).max() < LEVEL


def test_frames_are_chosen_evenly_and_truncated() -> None:
    assert sampled_frames(8, 8).tolist() == list(range(8))
    assert sampled_frames(75, 8).tolist() == [0, 10, 21, 31, 42, 52, 63, 74]
    assert sampled_frames(1, 8).tolist() == [0] * 8


def test_landmarks_become_fractions_of_the_crop_in_the_order_x_y() -> None:
    landmarks = np.zeros((2, 68, 2), np.float32)
    landmarks[1, 0] = (64, 128)
    landmarks[1, 67] = (256, -32)
    clip = FaceClip(pixels(2, 256, 256, 3), landmarks, best_frame=1)
    preprocess = Preprocess(video_size_px=28, image_size_px=28, frames=8)
    video, video_landmarks = preprocess.video(clip)
    image, image_landmarks = preprocess.image(clip)
    assert video.shape == (3, 8, 28, 28)
    assert image.shape == (3, 28, 28)
    assert video_landmarks.shape == (8, 136)
    assert image_landmarks[:2].tolist() == [0.25, 0.5]
    assert image_landmarks[-2:].tolist() == [1.0, -0.125]
    assert video_landmarks[7].equal(image_landmarks)
    assert not video_landmarks[:7].any()
