"""One pass over one video: what was seen of its frames in, clips and rows out.

Here is what has memory: shots, tracks and clips depend on the frames before. It is little work.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from storage import records
from storage.listing import Fetched
from workers.clipper import ClipCut, Clipper
from workers.failure import failure_of
from workers.frames import Facts
from workers.people import people_of
from workers.reading import Chunk, ReaderConfig, Reading, RowIds
from workers.shots import ShotDetector, Start
from workers.sight import Sight
from workers.track import FaceTrack, box_rows, track_row
from workers.tracker import Tracker


class Visit:
    """Goes once through what was seen of a video, in order; make one per video.

    Args:
        config: The reader's.
        fetched: The video's file.
        ids: Go into the rows.
        uri: Of the source.
        duration_s: Length of the video as its header states it.
    """

    def __init__(
        self,
        config: ReaderConfig,
        *,
        fetched: Fetched,
        ids: RowIds,
        uri: str,
        duration_s: float | None,
    ) -> None:
        self._config = config
        self._fetched = fetched
        self._ids = ids
        self._uri = uri
        self._duration_s = duration_s
        self._keys = (fetched.video_id, ids.recipe_id, ids.attempt_id)
        self._shot_detector = ShotDetector(config.shots)
        self._tracker = Tracker(config.tracker)
        self._clipper = Clipper(config.clipper, *self._keys)
        self._shots: list[records.Shot] = []
        self._tracks: list[tuple[FaceTrack, str | None]] = []
        self._cuts: list[ClipCut] = []
        self._clips = 0
        self._start_s: float | None = None
        self._position_s = 0.0

    def add(self, sight: Sight) -> Iterator[Chunk]:
        """Take the next frame; yield a batch of clips where one is full.

        Raises:
            WorkerError: stage `detect`.
        """
        self._start_s = sight.pts_s if self._start_s is None else self._start_s
        self._position_s = sight.pts_s - self._start_s
        for seen, start in self._shot_detector.add(sight):
            self._see(seen, start)
        if sum(cut.clip.crops.nbytes for cut in self._cuts) >= self._config.chunk_bytes:
            yield self.chunk()

    def chunk(self) -> Chunk:
        """Return the clips that have not been handed on, if any, and how far the video has been read."""
        cuts, self._cuts = tuple(self._cuts), []
        self._clips += len(cuts)
        return Chunk(cuts, self._position_s, self._duration_s)

    def sign(self) -> Chunk:
        """Return a chunk without clips: it only tells how far the video has been read."""
        return Chunk((), self._position_s, self._duration_s)

    def finish(self) -> Iterator[Chunk]:
        """Say that no frame follows; yield the rest of the clips."""
        for seen, start in self._shot_detector.finish():
            self._see(seen, start)
        self._tracker.end_shot()
        self._settle_ended()
        if self._cuts:
            yield self.chunk()

    def reading(self, facts: Facts, read_s: float) -> Reading:
        """Return the rows of a video that is finished.

        Args:
            facts: of the whole video.
            read_s: seconds that reading it took.
        """
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
        video = self._video_row(facts, read_s, len(tracks), len(boxes))
        return Reading(video, tuple(self._shots), tracks, boxes)

    def _see(self, sight: Sight, start: Start | None) -> None:
        try:
            if start is not None:
                self._begin_shot(sight, start)
            at = sight.index, sight.pts, sight.pts_s
            self._clipper.add(*at, self._tracker.update(*at, sight.faces))
            self._settle_ended()
        except Exception as error:
            raise failure_of(error, "detect", f"{self._uri}, frame {sight.index}") from error

    def _begin_shot(self, sight: Sight, start: Start) -> None:
        if self._shots:
            self._tracker.end_shot()
            self._settle_ended()
        self._shots.append(records.Shot(*self._keys, len(self._shots), sight.index, sight.pts_s, *start))

    def _settle_ended(self) -> None:
        for track in self._tracker.take_ended():
            ended = self._clipper.end(track)
            # What was taken for no face after all is no track either.
            if not track.is_spurious:
                self._tracks.append((track, ended.no_clip_reason))
                self._cuts += ended.cuts

    def _video_row(self, facts: Facts, read_s: float, tracks: int, boxes: int) -> records.Video:
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
            read_s=read_s,
            describe_s=0.0,
            committed_at=datetime.now(UTC),
        )
