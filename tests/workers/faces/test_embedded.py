from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from model.synthetic.render import Truth
from model.synthetic.scene import Shot, sample_shot
from workers.faces.blaze import Floats, ious
from workers.faces.detection import DetectorConfig
from workers.faces.embedded import EmbeddedDetector
from workers.faces.face import Face
from workers.faces.mesh import Mesh, Square

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Scene:
    image: Image
    truths: tuple[Truth, ...]
    shot: Shot


def drawn(seed: int, people: int, size: tuple[int, int] = (480, 270)) -> Scene:
    shot = sample_shot(np.random.default_rng(seed), size_px=size, seconds=4.0, people=people)
    image, truths = shot.picture_at(1.5, 0)
    return Scene(image, truths, shot)


def xyxy(boxes: list[tuple[float, float, float, float]]) -> Floats:
    return np.array([(x, y, x + w, y + h) for x, y, w, h in boxes], np.float32).reshape(-1, 4)


def overlaps(faces: list[Face], truths: tuple[Truth, ...]) -> Floats:
    """Return per true face the intersection over union of the best found one."""
    found = xyxy([face.box_xywh_px for face in faces])
    return ious(xyxy([truth.box_xywh_px for truth in truths]), found).max(axis=1, initial=0)


def found_by(detector: EmbeddedDetector, image: Image) -> list[Face]:
    (faces,) = detector.detect([image])
    return faces


@pytest.fixture(scope="module")
def detector() -> EmbeddedDetector:
    return EmbeddedDetector(DetectorConfig())


@pytest.fixture(scope="module")
def scene() -> Scene:
    return drawn(0, 2)


@pytest.mark.parametrize(("seed", "people"), [(0, 0), (1, 0), (2, 1), (3, 2), (4, 3)])
def test_every_face_is_found_and_nothing_else(detector: EmbeddedDetector, seed: int, people: int) -> None:
    scene = drawn(seed, people)
    faces = found_by(detector, scene.image)
    assert len(faces) == people
    assert (overlaps(faces, scene.truths) > 0.7).all()


def test_landmarks_and_pose_are_those_of_the_face(detector: EmbeddedDetector, scene: Scene) -> None:
    faces = sorted(found_by(detector, scene.image), key=lambda face: face.box_xywh_px[0])
    order = np.argsort([truth.box_xywh_px[0] for truth in scene.truths])
    for face, place in zip(faces, order.tolist(), strict=True):
        truth = scene.truths[place].landmarks_px
        eyes_px = np.linalg.norm(truth[36] - truth[45])
        assert np.linalg.norm(face.landmarks_px - truth, axis=1).mean() / eyes_px < 0.08
        pose = scene.shot.people[place].moment_at(1.5).pose
        assert face.yaw_deg == pytest.approx(pose.yaw_deg, abs=6)
        assert face.pitch_deg == pytest.approx(pose.pitch_deg, abs=14)
        assert face.roll_deg == pytest.approx(pose.roll_deg, abs=3)
        assert 0 < face.quality < face.score <= 1


def test_a_mirrored_picture_gives_mirrored_faces(detector: EmbeddedDetector) -> None:
    scene = drawn(2, 1)
    (face,) = found_by(detector, scene.image)
    (mirrored,) = found_by(detector, np.ascontiguousarray(scene.image[:, ::-1]))
    x, _, w, _ = face.box_xywh_px
    assert mirrored.box_xywh_px[0] == pytest.approx(scene.image.shape[1] - x - w, abs=0.05 * w)
    assert mirrored.yaw_deg == pytest.approx(-face.yaw_deg, abs=5)
    assert mirrored.roll_deg == pytest.approx(-face.roll_deg, abs=3)


def test_the_crop_box_is_the_detectors_square_from_brows_to_chin(detector: EmbeddedDetector) -> None:
    (face,) = found_by(detector, drawn(2, 1).image)
    x, y, w, h = face.detector_xywh_px
    assert w == pytest.approx(h, rel=0.1)
    assert y > face.box_xywh_px[1]
    assert x < face.landmarks_px[17:].min(axis=0)[0]
    assert x + w > face.landmarks_px[17:].max(axis=0)[0]


def test_faces_smeared_by_motion_are_found_where_the_mesh_alone_would_drop_them(
    detector: EmbeddedDetector,
) -> None:
    found, present = 0, 0
    mesh = Mesh(num_threads=1)
    for seed in range(8):
        scene = drawn(seed, 1, (320, 180))
        x, y, w, h = scene.truths[0].box_xywh_px
        smeared = np.asarray(cv2.blur(scene.image, (1, round(0.2 * w) | 1)), np.uint8)
        found += bool((overlaps(found_by(detector, smeared), scene.truths) > 0.5).all())
        around = Square(x + w / 2, y + h / 2, 1.5 * h, 0.0)
        present += mesh.look_again(smeared, mesh.look(smeared, around)).presence > 0.5
    assert found >= 6
    assert present < found


def test_blur_lowers_sharpness_and_quality(detector: EmbeddedDetector, scene: Scene) -> None:
    blurred = np.asarray(cv2.GaussianBlur(scene.image, (0, 0), 2), np.uint8)
    for before, after in zip(found_by(detector, scene.image), found_by(detector, blurred), strict=True):
        assert after.sharpness < before.sharpness / 4
        assert after.quality < before.quality


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (16, 16), (2000, 64), (64, 2000), (1921, 3)])
def test_pictures_of_any_size_are_looked_at(detector: EmbeddedDetector, size: tuple[int, int]) -> None:
    width, height = size
    assert found_by(detector, np.full((height, width, 3), 90, np.uint8)) == []


def test_a_small_face_in_a_large_picture_is_found_on_a_tile(detector: EmbeddedDetector) -> None:
    scene = drawn(2, 1)
    scale = 48 / scene.truths[0].box_xywh_px[2]
    small = np.asarray(cv2.resize(scene.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    image = np.full((1080, 1920, 3), 120, np.uint8)
    left, top = 1180, 560  # across the seams of tiles without overlap
    image[top : top + small.shape[0], left : left + small.shape[1]] = small
    (face,) = found_by(detector, image)
    x, y, w, h = scene.truths[0].box_xywh_px
    expected = xyxy([(left + x * scale, top + y * scale, w * scale, h * scale)])
    assert ious(expected, xyxy([face.box_xywh_px]))[0, 0] > 0.6


def crowd(rows: int, width: int, height: int) -> tuple[Image, Floats]:
    """Return a picture [1080, 1920, 3] with so many rows of small scenes of three people, and their boxes."""
    scenes = [drawn(seed, 3) for seed in (4, 5, 6, 7)]
    image = np.full((1080, 1920, 3), 120, np.uint8)
    boxes: list[Floats] = []
    for row in range(rows):
        for column in range(rows):
            scene = scenes[(3 * row + column) % 4]
            left, top = column * width, row * height
            image[top : top + height, left : left + width] = cv2.resize(
                scene.image, (width, height), interpolation=cv2.INTER_AREA
            )
            small = xyxy([truth.box_xywh_px for truth in scene.truths]) * np.float32(width / 480)
            boxes.append(small + np.array([left, top, left, top], np.float32))
    return image, np.concatenate(boxes)


def test_a_crowd_is_looked_at_again_in_finer_tiles() -> None:
    image, truth = crowd(4, 192, 108)  # faces 26 to 38 px wide
    hits: dict[int, int] = {}
    for least in (0, 6):
        faces = found_by(EmbeddedDetector(DetectorConfig(crowd_faces=least)), image)
        overlap = ious(truth, xyxy([face.box_xywh_px for face in faces]))
        hits[least] = int((overlap.max(axis=1, initial=0) > 0.5).sum())
        assert (overlap.max(axis=0, initial=0) > 0.5).all(), "nothing else is found"
    assert hits[6] >= 0.95 * len(truth) > 1.2 * hits[0]


def test_a_few_small_faces_are_no_crowd() -> None:
    image, truth = crowd(1, 240, 135)
    assert len(truth) == 3
    once, again = (found_by(EmbeddedDetector(DetectorConfig(crowd_faces=least)), image) for least in (0, 6))
    assert [face.box_xywh_px for face in once] == [face.box_xywh_px for face in again]


def test_a_face_over_the_edge_is_found(detector: EmbeddedDetector) -> None:
    scene = drawn(2, 1)
    x, y, w, h = scene.truths[0].box_xywh_px
    image = np.ascontiguousarray(scene.image[:, round(x + 0.25 * w) :])
    (face,) = found_by(detector, image)
    assert face.box_xywh_px[0] < 0
    assert face.box_xywh_px[1] == pytest.approx(y, abs=0.2 * h)


def test_small_faces_are_left_out_when_they_are_not_wanted(scene: Scene) -> None:
    sizes = sorted(face.size_px for face in found_by(EmbeddedDetector(DetectorConfig()), scene.image))
    wanted = found_by(EmbeddedDetector(DetectorConfig(min_face_px=(sizes[0] + sizes[1]) / 2)), scene.image)
    assert [face.size_px for face in wanted] == [sizes[1]]
    assert len(found_by(EmbeddedDetector(DetectorConfig(max_faces=1)), scene.image)) == 1


def test_the_same_picture_gives_the_same_faces_with_any_number_of_threads(
    detector: EmbeddedDetector, scene: Scene
) -> None:
    first = found_by(detector, scene.image)
    for again in (
        found_by(detector, scene.image),
        found_by(EmbeddedDetector(DetectorConfig(num_threads=2)), scene.image),
    ):
        assert [face.box_xywh_px for face in again] == [face.box_xywh_px for face in first]
        for face, before in zip(again, first, strict=True):
            np.testing.assert_array_equal(face.landmarks_px, before.landmarks_px)
            assert (face.score, face.sharpness, face.yaw_deg) == (
                before.score,
                before.sharpness,
                before.yaw_deg,
            )


def test_config_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match=r"detector\.evidence is 1\.5"):
        DetectorConfig(evidence=1.5)
    with pytest.raises(ValueError, match=r"detector\.settled is -1"):
        DetectorConfig(settled=-1)
    with pytest.raises(ValueError, match=r"detector\.crowd_faces is -1"):
        DetectorConfig(crowd_faces=-1)
    with pytest.raises(ValueError, match=r"detector\.tile_px is 10"):
        DetectorConfig(tile_px=10)
