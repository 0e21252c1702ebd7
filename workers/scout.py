"""The scout: what has no memory. It looks at frames, one by one, and tells what it has seen."""

from collections.abc import Callable, Iterable, Iterator

from workers.clipper import patch_of
from workers.clock import Stopwatch
from workers.faces.appearance import look_of
from workers.faces.detector import FaceDetector
from workers.faces.face import Face
from workers.failure import failure_of
from workers.reading import ReaderConfig
from workers.shots import thumb_of
from workers.sight import Sight, Sighted, Sights
from workers.video.frames import Frame
from workers.video.spans import SpanEnd, UnsplittableError


class Scout:
    """Turns frames into what the visit of a video needs of them.

    Args:
        config: The reader's.
        detector: Finds faces.
    """

    def __init__(self, config: ReaderConfig, detector: FaceDetector) -> None:
        self._config = config
        self._detector = detector

    def sights(self, frames: Iterable[Frame | None], uri: str) -> Iterator[Sight | None]:
        """Yield what is seen of each frame, and signs of life as they come.

        Args:
            frames: of one video, in order; None is a sign of life.
            uri: of the video, for messages.

        Raises:
            WorkerError: stage `decode` or `detect`.
        """
        waiting: list[Frame] = []
        for frame in _decoded(frames, uri):
            if frame is None:
                yield None
                continue
            waiting.append(frame)
            if len(waiting) == self._detector.batch:
                yield from self._seen(waiting, uri)
                waiting = []
        if waiting:
            yield from self._seen(waiting, uri)

    def batches(self, frames: Iterable[Frame], uri: str, end: Callable[[], SpanEnd]) -> Iterator[Sights]:
        """Yield the same in stretches of `sights_bytes`, or of `heartbeat_s` where that is less.

        Args:
            frames: of a span, in order.
            uri: of the video, for messages.
            end: asked when the frames have ended; goes with the last stretch.
        """
        clock = Stopwatch()
        sights: list[Sight] = []
        size = 0
        for sight in self.sights(frames, uri):
            if sight is not None:
                sights.append(sight)
                size += sight.nbytes
            if size >= self._config.sights_bytes or clock.seconds > self._config.heartbeat_s:
                yield Sights(tuple(sights), clock.seconds, None)
                clock, sights, size = Stopwatch(), [], 0
        yield Sights(tuple(sights), clock.seconds, end())

    def _seen(self, frames: list[Frame], uri: str) -> list[Sight]:
        try:
            found = self._detector.detect([frame.image for frame in frames])
            return [self._sight(frame, faces) for frame, faces in zip(frames, found, strict=True)]
        except Exception as error:
            raise failure_of(error, "detect", f"{uri}, frame {frames[0].index}") from error

    def _sight(self, frame: Frame, faces: list[Face]) -> Sight:
        image = frame.image
        sighted = tuple(
            Sighted(face, look_of(image, face), patch_of(image, face, self._config.clipper)) for face in faces
        )
        return Sight(frame.index, frame.pts, frame.pts_s, thumb_of(image, self._config.shots), sighted)


def _decoded(frames: Iterable[Frame | None], uri: str) -> Iterator[Frame | None]:
    every = iter(frames)
    while True:
        try:
            frame = next(every)
        except StopIteration:
            return
        except UnsplittableError:
            raise
        except Exception as error:
            raise failure_of(error, "decode", uri) from error
        yield frame
