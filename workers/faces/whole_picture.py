"""Pictures that are face crops already: the whole picture is taken for the face, and none is looked for.

For datasets that are distributed as tight crops, in which a detector, made for faces with something around
them, finds less than there is. Landmarks come from the mesh, laid on the whole picture.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.faces.face import Face, Located, measure
from workers.faces.mesh import MARGIN, Mesh, Square, landmarks_68, pose_deg


class WholePicture:
    """Takes every picture for one face; deterministic, not for several threads at once."""

    batch = 1

    def __init__(self, num_threads: int) -> None:
        """Load the mesh.

        Raises:
            ModelFileError: the mediapipe wheel, which carries the model, is not installed as locked.
        """
        cv2.setNumThreads(num_threads)
        self._mesh = Mesh(num_threads)

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[list[Face]]:
        """Return per picture [H, W, 3] uint8 RGB its one face; its score is 1: it is given, not found."""
        return [self._face(image) for image in images]

    def _face(self, image: NDArray[np.uint8]) -> list[Face]:
        height_px, width_px = image.shape[:2]
        side_px = MARGIN * max(width_px, height_px)
        rough = self._mesh.look(image, Square(width_px / 2, height_px / 2, side_px, 0.0))
        points = self._mesh.look_again(image, rough)
        if points.presence < rough.presence:
            points = rough
        box = (0.0, 0.0, float(width_px), float(height_px))
        landmarks_px, pose = landmarks_68(points.points_px), pose_deg(points.points_px)
        return measure(image, [Located(box, box, 1.0, landmarks_px, pose)])
