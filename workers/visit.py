"""One pass over one video: frames in, clips and rows out."""

from collections.abc import Iterator
from datetime import UTC, datetime

from storage import records
from storage.listing import Fetched
from workers.clipper import ClipCut, Clipper
from workers.clock import Stopwatch
from workers.decoder import Video
from workers.detector import FaceDetector
from workers.face import Face
from workers.failure import failure_of
from workers.frames import Facts, Frame
from workers.people import people_of
from workers.reading import Chunk, ReaderConfig, Reading, RowIds
from workers.shots import ShotDetector, Start
from workers.track import FaceTrack, box_rows, track_row
from workers.tracker import Tracker


class Visit:
    """Reads an opened video once; make one per video.

    Args:
        config: The reader's.
        detector: Finds faces; shared by all visits.
        video: Just opened.
        fetched: The file it was opened from.
        ids: Go into the rows.
        uri: Of the source.
    """

    def __init__(
        self,
        config: ReaderConfig,
        detector: FaceDetector,
        video: Video,
        *,
        fetched: Fetched,
        ids: RowIds,
        uri: str,
    ) -> None:
        self._clock = Stopwatch()
        self._config = config
        self._detector = detector
        self._video = video
        self._fetched = fetched
        self._ids = ids
        self._uri = uri
        self._keys = (fetched.video_id, ids.recipe_id, ids.attempt_id)
        self._shot_detector = ShotDetector(config.shots)
        self._tracker = Tracker(config.tracker)
        self._clipper = Clipper(config.clipper, *self._keys)
        self._shots: list[records.Shot] = []
        self._tracks: list[tuple[FaceTrack, str | None]] = []
        self._waiting: list[tuple[Frame, Start | None]] = []
        self._cuts: list[ClipCut] = []
        self._clips = 0
        self._start_s: float | None = None
        self._position_s = 0.0
        self._told_s = 0.0

    def parts(self) -> Iterator[Chunk | Reading]:
        """Yield batches of clips, and last the reading.

        Raises:
            WorkerError: stage `decode` or `detect`.
        """
        for frame in self._frames():
            self._waiting += self._shot_detector.add(frame)
            self._look(least=self._detector.batch)
            yield from self._due_chunks()
        self._waiting += self._shot_detector.finish()
        self._look(least=1)
        self._tracker.end_shot()
        self._settle_ended()
        yield from self._due_chunks()
        if self._cuts:
            yield from self._chunk()
        yield self._reading()

    def _frames(self) -> Iterator[Frame]:
        frames = iter(self._video)
        while True:
            try:
                frame = next(frames, None)
            except Exception as error:
                raise failure_of(error, "decode", self._uri) from error
            if frame is None:
                return
            self._start_s = frame.pts_s if self._start_s is None else self._start_s
            self._position_s = frame.pts_s - self._start_s
            yield frame

    def _look(self, least: int) -> None:
        """Find the faces of the frames that wait, in batches, as long as at least so many wait."""
        while len(self._waiting) >= least:
            batch = self._waiting[: self._detector.batch]
            self._waiting = self._waiting[len(batch) :]
            try:
                found = self._detector.detect([frame.image for frame, _ in batch])
            except Exception as error:
                frames = f"{self._uri}, frame {batch[0][0].index}"
                raise failure_of(error, "detect", frames) from error
            for (frame, start), faces in zip(batch, found, strict=True):
                self._see(frame, faces, start)

    def _see(self, frame: Frame, faces: list[Face], start: Start | None) -> None:
        try:
            if start is not None:
                self._begin_shot(frame, start)
            at = frame.index, frame.pts, frame.pts_s
            tracked = self._tracker.update(*at, faces, frame.image)
            self._clipper.add(*at, tracked, frame.image)
            self._settle_ended()
        except Exception as error:
            raise failure_of(error, "detect", f"{self._uri}, frame {frame.index}") from error

    def _begin_shot(self, frame: Frame, start: Start) -> None:
        if self._shots:
            self._tracker.end_shot()
            self._settle_ended()
        self._shots.append(records.Shot(*self._keys, len(self._shots), frame.index, frame.pts_s, *start))

    def _settle_ended(self) -> None:
        for track in self._tracker.take_ended():
            ended = self._clipper.end(track)
            # What was taken for no face after all is no track either.
            if not track.is_spurious:
                self._tracks.append((track, ended.no_clip_reason))
                self._cuts += ended.cuts

    def _due_chunks(self) -> Iterator[Chunk]:
        if sum(cut.clip.crops.nbytes for cut in self._cuts) >= self._config.chunk_bytes:
            yield from self._chunk()
        elif self._clock.seconds - self._told_s > self._config.heartbeat_s:
            yield from self._handed(())

    def _chunk(self) -> Iterator[Chunk]:
        cuts, self._cuts = tuple(self._cuts), []
        self._clips += len(cuts)
        yield from self._handed(cuts)

    def _handed(self, cuts: tuple[ClipCut, ...]) -> Iterator[Chunk]:
        chunk = Chunk(cuts, self._position_s, self._video.stated_duration_s)
        with self._clock.stopped():
            yield chunk
        self._told_s = self._clock.seconds

    def _reading(self) -> Reading:
        config = self._config.tracker
        people = people_of([track for track, _ in self._tracks], config.same_person)
        tracks = tuple(
            track_row(
                track,
                *self._keys,
                reason,
                person_index=person,
                stores_embedding=config.stores_embeddings,
            )
            for (track, reason), person in zip(self._tracks, people, strict=True)
        )
        boxes = tuple(row for track, _ in self._tracks for row in box_rows(track, *self._keys))
        video = self._video_row(self._video.facts(), len(tracks), len(boxes))
        return Reading(video, tuple(self._shots), tracks, boxes)

    def _video_row(self, facts: Facts, tracks: int, boxes: int) -> records.Video:
        return records.Video(
            video_id=self._fetched.video_id,
            recipe_id=self._ids.recipe_id,
            attempt_id=self._ids.attempt_id,
            scan_id=self._ids.scan_id,
            uri=self._uri,
            size_bytes=self._fetched.size_bytes,
            container=facts.container,
            codec=facts.codec,
            pixel_format=facts.pixel_format,
            width_px=facts.width_px,
            height_px=facts.height_px,
            fps=facts.fps,
            duration_s=facts.duration_s,
            rotation_deg=facts.rotation_deg,
            sample_aspect_ratio=facts.sample_aspect_ratio,
            time_base=facts.time_base,
            start_pts=facts.start_pts,
            decoder=facts.decoder,
            frames_decoded=facts.frames_decoded,
            frames_sampled=facts.frames_sampled,
            packets_damaged=facts.packets_damaged,
            is_partial=facts.is_partial,
            partial_reason=facts.partial_reason,
            faces=boxes,
            tracks=tracks,
            clips=self._clips,
            findings=0,
            read_s=self._clock.seconds,
            describe_s=0.0,
            committed_at=datetime.now(UTC),
        )
