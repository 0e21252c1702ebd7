"""The one face of a picture or video, or why there is not exactly one."""

from collections import Counter
from dataclasses import dataclass
from math import ceil

from storage.records import Source
from workers.clipper import ClipCut
from workers.reader import Reader
from workers.reading import Chunk, Reading, RowIds


@dataclass(frozen=True, slots=True)
class NoSingleFace:
    """Why a source is left out: `no face`, `several faces`, or why its face has no clip, as `too small`."""

    reason: str


def single_face(reader: Reader, source: Source, one_face_share: float) -> ClipCut | NoSingleFace:
    """Return the best clip of the only face of a source, landmarks included.

    Args:
        reader: reads it as a scan does.
        source: picture or video.
        one_face_share: share of the sampled frames that must show exactly one face.

    Raises:
        WorkerError: it cannot be read.
    """
    cuts: list[ClipCut] = []
    faces: Counter[int] = Counter()

    def on_chunk(chunk: Chunk) -> None:
        cuts.extend(chunk.cuts)
        for rows in chunk.rows:
            if rows.table == "boxes":
                faces.update(rows.numbers("frame_index").tolist())

    ids = RowIds(recipe_id="instruct", attempt_id="instruct", scan_id="instruct")
    reading = Reading.of(reader.read(reader.fetch(source), ids), on_chunk)
    if not faces:
        return NoSingleFace("no face")
    alone = sum(count == 1 for count in faces.values())
    if alone < ceil(one_face_share * max(reading.video.frames_sampled, 1)):
        return NoSingleFace("several faces" if alone < len(faces) else "a face in too few frames")
    if not cuts:
        reasons = Counter(track.no_clip_reason for track in reading.tracks)
        return NoSingleFace(str(reasons.most_common(1)[0][0]))
    frames = {track.track_id: track.frames for track in reading.tracks}
    # Cuts and turns break a face into tracks; the one that is seen longest stands for it.
    return max(cuts, key=lambda cut: (frames[cut.record.track_id], cut.record.quality))
