"""The configured face detector."""

from workers.faces.detection import DetectorConfig, FaceDetector
from workers.faces.embedded import EmbeddedDetector
from workers.faces.whole_picture import WholePicture

__all__ = ["DetectorConfig", "FaceDetector", "load_detector"]


def load_detector(config: DetectorConfig) -> FaceDetector:
    """Load the detector that a configuration asks for.

    Raises:
        ModelFileError: the embedded models are not installed as locked.
        PackError: the model pack cannot be used.
    """
    if config.backend == "embedded":
        return EmbeddedDetector(config)
    if config.backend == "whole_picture":
        return WholePicture(config.num_threads)
    from workers.faces.insight import InsightDetector  # noqa: PLC0415 - an extra, and a second to import

    return InsightDetector(config)
