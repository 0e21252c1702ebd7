"""Where a head is and how it is seen: pose, placement and perspective."""

from dataclasses import dataclass

import numpy as np

from model.synthetic.chart import Floats
from model.synthetic.mesh import rotation

_NECK_PIVOT = np.array([0, -80, -100], np.float32)
_BODY_SHARE = 0.35
"""Of the head's yaw that the shoulders follow."""


@dataclass(frozen=True, slots=True)
class Pose:
    """How a head is turned: positive yaw to the picture's right, pitch up, roll clockwise in the picture."""

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0


@dataclass(frozen=True, slots=True)
class View:
    """Where a head stands in the picture.

    `x_px`, `y_px`: the point between the eyes when the head looks into the camera; `px_per_mm`: the scale
    there.
    """

    x_px: float
    y_px: float
    px_per_mm: float
    distance_mm: float = 1000.0
    """From camera to head: perspective."""


def turned_head(points: Floats, pose: Pose) -> Floats:
    """Return head points [N, 3] in camera axes, millimetres from the head's place."""
    turn = rotation(*np.radians([pose.yaw_deg, pose.pitch_deg, pose.roll_deg]).tolist())
    return (points - _NECK_PIVOT) @ turn.T + _NECK_PIVOT


def turned_body(points: Floats, pose: Pose) -> Floats:
    """Return points of neck and shoulders [N, 3] in camera axes."""
    turn = rotation(
        float(np.radians(pose.yaw_deg * _BODY_SHARE)), 0.0, float(np.radians(pose.roll_deg * 0.15))
    )
    return (points - _NECK_PIVOT) @ turn.T + _NECK_PIVOT


def project(points: Floats, view: View) -> Floats:
    """Return [N, 3]: pixels x, y, and depth in millimetres towards the camera, of points in camera axes."""
    scale = view.px_per_mm * view.distance_mm / (view.distance_mm - points[:, 2])
    x = view.x_px + points[:, 0] * scale
    y = view.y_px - points[:, 1] * scale
    return np.stack([x, y, points[:, 2]], -1).astype(np.float32)


def turned_up(pose: Pose) -> Floats:
    """Return the head's vertical axis [3] in camera axes."""
    return rotation(*np.radians([pose.yaw_deg, pose.pitch_deg, pose.roll_deg]).tolist())[:, 1]
