from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from insightface.data import get_object
from insightface.model_zoo import get_model

from model.synthetic.scene import sample_shot
from storage.records import Source
from tests.workers.packs import FACE_68, write_pack
from tests.workers.videos import encode
from workers.faces.detection import DetectorConfig
from workers.faces.detector import load_detector
from workers.faces.embedded import EmbeddedDetector
from workers.faces.insight import Image, InsightDetector, crop_box
from workers.faces.mesh import Square
from workers.reader import Chunk, Reader, ReaderConfig, Reading, RowIds

SIDE_PX = 64.0
"""Of the faces that the pack finds: four strides of 16."""


def with_faces(*cells: tuple[int, int], size_px: tuple[int, int] = (640, 480)) -> Image:
    """Return a picture with a face at the top left corner of each cell of 16 px (column, row)."""
    image = np.zeros((size_px[1], size_px[0], 3), np.uint8)
    image[...] = np.linspace(0, 90, size_px[0]).astype(np.uint8)[:, None]
    for column, row in cells:
        image[16 * row : 16 * row + 16, 16 * column : 16 * column + 16] = (255, 0, 0)
    return image


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pack(tmp_path_factory.mktemp("pack"))


@pytest.fixture(scope="module")
def detector(pack: Path) -> InsightDetector:
    return InsightDetector(DetectorConfig(backend="insightface", pack=str(pack)))


def test_faces_are_found_in_every_picture_of_a_batch(detector: InsightDetector) -> None:
    images = [with_faces((5, 6), (20, 9)), with_faces(), with_faces((30, 20))]
    found = [[face.box_xywh_px for face in faces] for faces in detector.detect(images)]
    assert [len(faces) for faces in found] == [2, 0, 1]
    assert set(found[0]) == {(48.0, 64.0, SIDE_PX, SIDE_PX), (288.0, 112.0, SIDE_PX, SIDE_PX)}
    assert found[2] == [(448.0, 288.0, SIDE_PX, SIDE_PX)]
    alone = [face for image in images for face in detector.detect([image])[0]]
    together = [face for faces in detector.detect(images) for face in faces]
    for face, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(face.landmarks_px, other.landmarks_px, atol=1e-3)
        assert face.identity is not None
        assert other.identity is not None
        np.testing.assert_allclose(face.identity, other.identity, atol=1e-5)
        assert np.linalg.norm(face.identity) == pytest.approx(1)


def test_landmarks_pose_and_identity_are_insightfaces(detector: InsightDetector, pack: Path) -> None:
    image = with_faces((20, 9))
    ((face,),) = detector.detect([image])
    x, y, w, h = face.box_xywh_px
    bgr = np.ascontiguousarray(image[..., ::-1])
    box = np.array([x, y, x + w, y + h])
    of_points: Any = get_model(str(pack / "1k3d68.onnx"))
    points = of_points.get(bgr, _Record(bbox=box))
    # Both cut the same square, theirs with another rounding.
    np.testing.assert_allclose(face.landmarks_px, points[:, :2], atol=0.5)
    keypoints = np.array([-0.8, -0.6, 0.8, -0.6, 0, 0.2, -0.5, 0.9, 0.5, 0.9]).reshape(5, 2) * 16
    theirs = _Record(kps=keypoints + np.array([x + w / 2, y + h / 2]))
    of_identity: Any = get_model(str(pack / "w600k_r50.onnx"))
    with pytest.warns(FutureWarning):
        vector = of_identity.get(bgr, theirs)
    assert face.identity is not None
    np.testing.assert_allclose(face.identity, vector / np.linalg.norm(vector), atol=1e-4)


class _Record(dict[str, object]):
    """What InsightFace's models write into: items that are attributes too."""

    def __getattr__(self, name: str) -> object:
        return self[name]

    def __setattr__(self, name: str, value: object) -> None:
        self[name] = value


@pytest.mark.parametrize(("yaw", "pitch", "roll"), [(0, 0, 0), (25, 0, 0), (-30, 10, 5), (10, -20, -15)])
def test_pose_has_the_signs_of_a_face(detector: InsightDetector, yaw: int, pitch: int, roll: int) -> None:
    """InsightFace's mean head, turned as `Face` says: by pitch first, then yaw, then roll."""
    head = np.asarray(get_object("meanshape_68.pkl"), np.float64)
    a, b, c = np.radians((pitch, yaw, roll))
    # Axes right, down and towards the viewer: up is -y, so looking up turns z to -y.
    by_pitch = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    by_yaw = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    by_roll = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    turned = head @ (by_roll @ by_yaw @ by_pitch).T
    values = np.zeros((1103, 3))
    values[-68:] = turned
    square = Square(96, 96, 192, 0)
    mesh = detector._landmarks._mesh(values.astype(np.float32), square)  # pyright: ignore[reportPrivateUsage] - no picture makes the pack's points turn
    assert mesh.pose_deg == pytest.approx((yaw, pitch, roll), abs=0.5)


def test_landmarks_are_in_the_order_of_ibug() -> None:
    """The mean head says which point is which: the same order as `Face.landmarks_px`."""
    head = np.asarray(get_object("meanshape_68.pkl"))
    assert head.shape == (68, 3)
    chin, nose, eyes, lips = head[8], head[30], head[36:48], head[48:60]
    assert head[:, 1].argmax() in (7, 8, 9)
    assert head[:, 2].argmax() in (29, 30, 33)
    assert head[0, 0] < eyes[:6, 0].mean() < nose[0] < eyes[6:, 0].mean() < head[16, 0]
    assert head[17:27, 1].mean() < eyes[:, 1].mean() < nose[1] < lips[:, 1].mean() < chin[1]
    assert FACE_68.shape == (68, 2)


def test_the_crops_square_is_where_the_embedded_detector_would_have_it() -> None:
    picture, _ = sample_shot(np.random.default_rng(3), size_px=(480, 270), seconds=4.0, people=2).picture_at(
        1, 0
    )
    (faces,) = EmbeddedDetector(DetectorConfig()).detect([picture])
    assert len(faces) == 2
    for face in faces:
        side_px = face.detector_xywh_px[2]
        np.testing.assert_allclose(crop_box(face.landmarks_px), face.detector_xywh_px, atol=0.12 * side_px)


def test_the_pictures_edge_hides_a_part_of_a_face(detector: InsightDetector) -> None:
    ((edge, whole),) = detector.detect([with_faces((1, 20), (20, 20))])
    if edge.box_xywh_px[0] > whole.box_xywh_px[0]:
        edge, whole = whole, edge
    assert edge.occlusion == pytest.approx(0.2, abs=0.05)
    assert whole.occlusion == 0


def test_small_and_surplus_faces_are_left_out(pack: Path) -> None:
    image = with_faces((5, 6), (20, 9))
    config = DetectorConfig(backend="insightface", pack=str(pack))
    for strict, count in (({"min_face_px": 65}, 0), ({"score": 0.999}, 0), ({"max_faces": 1}, 1)):
        (faces,) = InsightDetector(replace(config, **strict)).detect([image])
        assert len(faces) == count


def test_a_pack_without_arcface_gives_no_identities(tmp_path: Path) -> None:
    write_pack(tmp_path, recognition=False)
    ((face,),) = load_detector(DetectorConfig(backend="insightface", pack=str(tmp_path))).detect(
        [with_faces((5, 6))]
    )
    assert face.identity is None


def test_a_video_becomes_tracks_and_clips(pack: Path, tmp_path: Path) -> None:
    images = [with_faces((5 + n // 8, 9), (30, 20)) for n in range(48)]
    encode(tmp_path / "v.mp4", images, pixel_format="yuv444p", options={"crf": "4"})
    config = DetectorConfig(backend="insightface", pack=str(pack)).pinned()
    reader = Reader(ReaderConfig(detector=config))
    source = Source(str(tmp_path / "v.mp4"), None, None, None, datetime.now(UTC), "scan", "recipe")
    chunks: list[Chunk] = []
    reading = Reading.of(
        reader.read(reader.fetch(source), RowIds("recipe", "attempt", "scan")), chunks.append
    )
    assert [track.frames for track in reading.tracks] == [reading.video.frames_sampled] * 2
    (chunk,) = chunks
    of_tracks = {track.track_id for track in reading.tracks if track.no_clip_reason is None}
    assert {cut.record.track_id for cut in chunk.cuts} == of_tracks
    assert of_tracks


def test_pictures_are_read_as_rgb(detector: InsightDetector) -> None:
    image = with_faces((5, 6))
    assert detector.detect([np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), np.uint8)]) == [[]]
