"""One pass over one video: what was seen of its frames in, clips and rows out.

Here is what has memory: shots, tracks and clips depend on the frames before. It is little work. What has
become final is handed on, so that memory does not grow with the length of the video: clips as their tracks
end, boxes once their track is certain to be one, tracks when their shot has ended and it is known whom they
show.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from storage import records
from storage.archive import Fetched
from workers.clipper import ClipCut, Clipper
from workers.failure import WorkerError, failure_of
from workers.reading import Chunk, ReaderConfig, RowIds
from workers.rows import rows_by_table
from workers.shots import ShotDetector, Start
from workers.sight import Sight
from workers.tracking.people import People
from workers.tracking.track import FaceTrack, Seen, box_rows, track_row
from workers.tracking.tracker import Tracker
from workers.video.frames import Facts

_TRACKS_AT_ONCE = 500
"""Tracks of one shot that are told apart together; in a shot of more, those that ended first come first."""


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
        self._people = People(config.tracker.same_person)
        self._shot_tracks: list[tuple[FaceTrack, str | None]] = []
        self._cuts: list[ClipCut] = []
        self._cuts_bytes = 0
        self._final: list[records.Record] = []
        """Rows that have not been handed on."""
        self._unasked_faces = 0
        """Faces seen since the tracker was last asked for boxes that are final."""
        self._shots = self._tracks = self._clips = self._faces = 0
        self._start_s: float | None = None
        self._position_s = 0.0

    def add(self, sight: Sight) -> Iterator[Chunk]:
        """Take the next frame; yield a batch of clips or rows where one is full.

        Raises:
            WorkerError: stage `detect`; stage `commit`: a row does not fit its table.
        """
        self._start_s = sight.pts_s if self._start_s is None else self._start_s
        self._position_s = sight.pts_s - self._start_s
        for seen, start in self._shot_detector.add(sight):
            yield from self._see(seen, start)

    def sign(self) -> Chunk:
        """Return a chunk with nothing in it: it only tells how far the video has been read."""
        return Chunk((), self._position_s, self._duration_s)

    def finish(self) -> Iterator[Chunk]:
        """Say that no frame follows; yield the rest of the clips and rows."""
        for seen, start in self._shot_detector.finish():
            yield from self._see(seen, start)
        yield from self._end_shot()
        if self._cuts or self._final:
            yield self._chunk()

    def video(self, facts: Facts, read_s: float) -> records.Video:
        """Return the row of a video that is finished; `findings` and `describe_s` are still empty.

        Args:
            facts: of the whole video.
            read_s: seconds that reading it took.
        """
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
            faces=self._faces,
            tracks=self._tracks,
            clips=self._clips,
            findings=0,
            read_s=read_s,
            describe_s=0.0,
            committed_at=datetime.now(UTC),
        )

    def _see(self, sight: Sight, start: Start | None) -> Iterator[Chunk]:
        try:
            if start is not None:
                yield from self._begin_shot(sight, start)
            at = sight.index, sight.pts, sight.pts_s
            self._clipper.add(*at, self._tracker.update(*at, sight.faces))
            yield from self._settle_ended()
            self._unasked_faces += len(sight.faces)
            if self._unasked_faces >= self._config.chunk_rows:
                self._unasked_faces = 0
                for track, boxes in self._tracker.hand_on():
                    self._add_boxes(track, boxes)
            if len(self._final) >= self._config.chunk_rows:
                yield self._chunk()
        except WorkerError:
            raise
        except Exception as error:
            raise failure_of(error, "detect", f"{self._uri}, frame {sight.index}") from error

    def _begin_shot(self, sight: Sight, start: Start) -> Iterator[Chunk]:
        if self._shots:
            yield from self._end_shot()
        self._final.append(records.Shot(*self._keys, self._shots, sight.index, sight.pts_s, *start))
        self._shots += 1

    def _end_shot(self) -> Iterator[Chunk]:
        self._tracker.end_shot()
        yield from self._settle_ended()
        self._name_people()

    def _settle_ended(self) -> Iterator[Chunk]:
        for track in self._tracker.take_ended():
            ended = self._clipper.end(track)
            # What was taken for no face after all is no track either.
            if track.is_spurious:
                assert not track.past.boxes, "boxes are handed on of tracks only"
                continue
            self._add_boxes(track, track.hand_on())
            self._shot_tracks.append((track, ended.no_clip_reason))
            for cut in ended.cuts:
                self._cuts.append(cut)
                self._cuts_bytes += cut.clip.crops.nbytes
                if self._cuts_bytes >= self._config.chunk_bytes:
                    yield self._chunk()
        if len(self._shot_tracks) >= _TRACKS_AT_ONCE:
            self._name_people()

    def _name_people(self) -> None:
        """Say whom the tracks that have ended show, which makes their rows final."""
        ended, self._shot_tracks = sorted(self._shot_tracks, key=lambda one: one[0].track_index), []
        people = self._people.add([track for track, _ in ended])
        self._tracks += len(ended)
        self._final += (
            track_row(
                track,
                *self._keys,
                reason,
                person_index=person,
                stores_embedding=self._config.tracker.stores_embeddings,
            )
            for (track, reason), person in zip(ended, people, strict=True)
        )

    def _add_boxes(self, track: FaceTrack, boxes: Sequence[Seen]) -> None:
        self._faces += len(boxes)
        self._final += box_rows(track.track_index, boxes, *self._keys)

    def _chunk(self) -> Chunk:
        rows = rows_by_table(self._final)
        chunk = Chunk(tuple(self._cuts), self._position_s, self._duration_s, rows)
        self._clips += len(self._cuts)
        self._cuts, self._cuts_bytes, self._final = [], 0, []
        return chunk
