import numpy as np
import pytest
from numpy.typing import NDArray

from workers.faces.mesh import Mesh, Square, landmarks_68, pose_deg, square_around, square_of_detection

Floats = NDArray[np.float32]

SIDES, EYES, MOUTH, TEMPLES = (234, 454), (33, 263), (61, 291), (127, 356)
HAIRLINE, NOSE, BRIDGE, LIP = 10, 2, 168, 17


def head(yaw_deg: float, pitch_deg: float, roll_deg: float) -> Floats:
    """Return a mesh [468, 3] that looks into the camera, turned: x right, y down, depth away."""
    points = np.zeros((468, 3))
    for (left, right), x, y in ((SIDES, 70, 0), (EYES, 45, -10), (MOUTH, 25, 40), (TEMPLES, 68, -20)):
        points[left], points[right] = (-x, y, 0), (x, y, 0)
    points[HAIRLINE], points[NOSE], points[BRIDGE], points[LIP] = (
        (0, -90, 0),
        (0, 90, 0),
        (0, -10, 0),
        (0, 50, 0),
    )
    yaw, pitch, roll = np.radians([yaw_deg, pitch_deg, roll_deg])
    # Looking up brings the chin nearer; the nose to the picture's right takes its right side away.
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    about_y = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
    about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    return (points @ (about_z @ about_y @ about_x).T + [300, 200, 0]).astype(np.float32)


@pytest.mark.parametrize(
    "pose",
    [(0, 0, 0), (30, 0, 0), (-30, 0, 0), (0, 20, 0), (0, -20, 0), (0, 0, 40), (25, -15, -35), (-60, 10, 100)],
)
def test_pose_of_a_turned_head(pose: tuple[float, float, float]) -> None:
    np.testing.assert_allclose(pose_deg(head(*pose)), pose, atol=1e-3)


def test_pose_does_not_depend_on_size_or_place() -> None:
    np.testing.assert_allclose(pose_deg(head(25, -15, -35) * 3 - 50), (25, -15, -35), atol=1e-3)


def test_landmarks_are_points_of_the_mesh_or_the_middle_of_two() -> None:
    points = np.stack([np.arange(468), np.arange(468) * 2, np.zeros(468)], axis=1).astype(np.float32)
    landmarks = landmarks_68(points)
    assert landmarks.shape == (68, 2)
    assert landmarks.dtype == np.float32
    np.testing.assert_array_equal(landmarks[36], [33, 66])  # outer corner of the eye on the left
    np.testing.assert_array_equal(landmarks[45], [263, 526])
    np.testing.assert_array_equal(landmarks[8], [152, 304])  # chin
    np.testing.assert_array_equal(landmarks[27], [(168 + 6) / 2, 168 + 6])


def test_a_square_stands_around_the_box_half_as_large_again() -> None:
    box = np.array([100, 100, 180, 200], np.float32)
    square = square_around(box, np.array([110, 140], np.float32), np.array([150, 140], np.float32))
    assert square == Square(140, 150, 150, 0)


@pytest.mark.parametrize("angle", [0.0, 0.5, -2.0])
def test_a_square_maps_its_crop_to_the_picture(angle: float) -> None:
    square = Square(140, 150, 60, angle)
    to_picture = square.to_picture(192)
    np.testing.assert_allclose(to_picture @ [96, 96, 1], [140, 150], atol=1e-9)
    right = np.array([np.cos(angle), np.sin(angle)]) * 30
    np.testing.assert_allclose(to_picture @ [192, 96, 1], np.array([140, 150]) + right, atol=1e-9)


@pytest.mark.parametrize("angle", [0.0, 0.7])
def test_a_square_around_a_detection_is_larger_and_higher_on_the_face(angle: float) -> None:
    box = np.array([100, 100, 200, 200], np.float32)
    eye = np.array([np.cos(angle), np.sin(angle)], np.float32) * 20
    square = square_of_detection(box, 150 - eye, 150 + eye)
    assert square.side_px == pytest.approx(162)
    assert square.angle == pytest.approx(angle)
    up = np.array([np.sin(angle), -np.cos(angle)])
    np.testing.assert_allclose([square.x_px, square.y_px], 150 + up * 3.9, atol=0.01)


def test_how_far_a_square_is_off_another_is_that_of_the_corner_furthest_off() -> None:
    square = Square(50, 60, 100, 0.3)
    assert square.off(square) == 0
    assert square.off(Square(56, 68, 100, 0.3)) == pytest.approx(0.1)
    assert square.off(Square(50, 60, 120, 0.3)) == pytest.approx(0.1 * 2**0.5)
    assert square.off(Square(50, 60, 100, 0.5)) == pytest.approx(2**0.5 * np.sin(0.1))


@pytest.fixture(scope="module")
def mesh() -> Mesh:
    return Mesh(num_threads=1)


def test_nothing_is_present_in_grey(mesh: Mesh) -> None:
    points = mesh.look(np.full((64, 64, 3), 128, np.uint8), Square(32, 32, 60, 0))
    assert points.points_px.shape == (468, 3)
    assert points.presence < 0.1


def test_points_come_in_picture_pixels_whatever_the_square(mesh: Mesh) -> None:
    image = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    points = mesh.look(image, Square(128, 128, 100, 0))
    moved = mesh.look(np.roll(image, 20, axis=1), Square(148, 128, 100, 0))
    np.testing.assert_allclose(moved.points_px[:, 0], points.points_px[:, 0] + 20, atol=0.02)
    np.testing.assert_allclose(moved.points_px[:, 1:], points.points_px[:, 1:], atol=0.02)
    x0, y0, x1, y1 = points.box_xyxy_px
    assert 40 < x0 < x1 < 216
    assert 40 < y0 < y1 < 216
