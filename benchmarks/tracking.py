"""Tracking quality against ground truth: this project's tracker and the usual glue, on the same detections.

Takes a folder of sequences, each a folder with `video.mp4` and `gt.csv` in MOT form (frame from 1, id, x, y,
w, h, 0 for a row to ignore, ...), optionally `gt_shot.csv` with identities that end at cuts, and `cuts.csv`
(a header, then first frames of shots from 1); without it cuts are found as the reader finds them. Every
sequence is read at its full rate and as the reader samples it. Ours is what the reader would write: tracks
after their end, the spurious left out, measured by `gt_shot.csv` where it is there; and people, which are
tracks joined by appearance over cuts and absences, measured by `gt.csv`. The glue is ByteTrack with the
defaults of `trackers`, fed frame by frame with the same boxes and scores, with no reset at cuts.

    python benchmarks/tracking.py FOLDER [--sample-fps 8] [--glue-box face|detector]

Metrics are those of `trackers.eval` (HOTA; CLEAR and Identity at IoU 0.5), times are processor milliseconds.
"""

import argparse
import itertools
import math
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray
from trackers import ByteTrackTracker
from trackers.eval import evaluate_mot_sequence

from workers.faces.detector import DetectorConfig, FaceDetector, load_detector
from workers.reading import ReaderConfig
from workers.scout import Scout
from workers.shots import ShotDetector, ShotsConfig
from workers.sight import Sight
from workers.tracking.people import People
from workers.tracking.track import FaceTrack
from workers.tracking.tracker import Tracker, TrackerConfig
from workers.video.decoder import Decoder, DecoderConfig
from workers.video.timeline import Sampler

Row = tuple[int, int, float, float, float, float]
"""frame from 1, identity, x, y, w, h."""


@dataclass
class Run:
    """One contender's rows on one sequence at one rate, and its processor seconds."""

    rows: list[Row] = field(default_factory=list[Row])
    seconds: float = 0.0


@dataclass(frozen=True)
class Scores:
    hota: float
    idf1: float
    mota: float
    switches: int
    recall: float
    false: int
    identities: int


def read_truth(path: Path, frames: set[int]) -> list[str]:
    """Return the lines of the given frames, whole: what they say after the box counts too."""
    return [line for line in path.read_text().split() if int(float(line.split(",")[0])) in frames]


def cut_frames(sequence: Path) -> set[int] | None:
    """Return the indices from 0 at which shots begin, or None where the sequence does not say."""
    path = sequence / "cuts.csv"
    if not path.is_file():
        return None
    return {int(float(line)) - 1 for line in path.read_text().split()[1:]}


def with_cuts(sights: Iterable[Sight], cuts: set[int] | None) -> Iterator[tuple[Sight, bool]]:
    """Yield every frame with whether a shot begins with it."""
    if cuts is None:
        detector = ShotDetector(ShotsConfig())
        for sight in sights:
            yield from ((seen, start is not None) for seen, start in detector.add(sight))
        yield from ((seen, start is not None) for seen, start in detector.finish())
        return
    before = -1
    for sight in sights:
        yield sight, any(before < cut <= sight.index for cut in cuts)
        before = sight.index


class Ours:
    """The reader's tracker."""

    def __init__(self) -> None:
        self._tracker = Tracker(TrackerConfig())
        self.run = Run()

    def see(self, sight: Sight, *, is_first: bool) -> None:
        start = time.process_time()
        if is_first:
            self._tracker.end_shot()
        self._tracker.update(sight.index, sight.pts, sight.pts_s, sight.faces)
        self.run.seconds += time.process_time() - start

    def finish(self) -> tuple[Run, Run]:
        """Return the tracks' rows and the people's."""
        self._tracker.end_shot()
        tracks = [track for track in self._tracker.take_ended() if not track.is_spurious]
        start = time.process_time()
        known = People(TrackerConfig().same_person)
        shots = itertools.groupby(tracks, lambda track: track.shot_index)
        people = [person for _, shot in shots for person in known.add(list(shot))]
        seconds = self.run.seconds + time.process_time() - start
        self.run.rows = _rows(tracks, [track.track_index for track in tracks])
        return self.run, Run(_rows(tracks, people), seconds)


def _rows(tracks: Sequence[FaceTrack], identities: Sequence[int]) -> list[Row]:
    return sorted(
        (seen.frame_index + 1, identity + 1, *seen.face.box_xywh_px)
        for track, identity in zip(tracks, identities, strict=True)
        for seen in track.seen
    )


class Glue:
    """ByteTrack as its package gives it."""

    def __init__(self, box: str) -> None:
        self._box = box
        self._tracker = ByteTrackTracker()
        self.run = Run()

    def see(self, sight: Sight, *, is_first: bool) -> None:
        del is_first  # the glue knows nothing of cuts
        start = time.process_time()
        faces = [seen.face for seen in sight.faces]
        boxes = [face.detector_xywh_px if self._box == "detector" else face.box_xywh_px for face in faces]
        xyxy = np.array([(x, y, x + w, y + h) for x, y, w, h in boxes]).reshape(-1, 4)
        scores = np.array([face.score for face in faces])
        followed = self._tracker.update(sv.Detections(xyxy=xyxy, confidence=scores))
        self.run.seconds += time.process_time() - start
        ids: NDArray[np.int_] = np.asarray(followed.tracker_id)
        for (x0, y0, x1, y1), identity in zip(followed.xyxy.tolist(), ids.tolist(), strict=True):
            if identity >= 0:
                self.run.rows.append((sight.index + 1, identity + 1, x0, y0, x1 - x0, y1 - y0))

    def finish(self) -> Run:
        return self.run


def evaluate(truth: Sequence[str], rows: Sequence[Row]) -> Scores:
    lines = [",".join(map(str, (*row, 1, 1, 1))) for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        truth_path, rows_path = Path(folder, "truth.txt"), Path(folder, "rows.txt")
        truth_path.write_text("\n".join(truth))
        rows_path.write_text("\n".join(lines))
        result = evaluate_mot_sequence(truth_path, rows_path, metrics=["CLEAR", "HOTA", "Identity"])
    assert result.HOTA is not None
    assert result.CLEAR is not None
    assert result.Identity is not None
    identities = len({row[1] for row in rows})
    return Scores(
        result.HOTA.HOTA * 100,
        result.Identity.IDF1 * 100,
        result.CLEAR.MOTA * 100,
        result.CLEAR.IDSW,
        result.CLEAR.CLR_Re * 100,
        result.CLEAR.CLR_FP,
        identities,
    )


def ratio(ours: float, glue: float) -> str:
    return f"{ours / glue:5.3f}" if glue else "    -"


def report(sequence: Path, detector: FaceDetector, sample_fps: float, glue_box: str) -> None:
    """See every frame once; track at the full rate and at the sampled one; print a line per contender."""
    cuts = cut_frames(sequence)
    with Decoder(DecoderConfig(sample_fps=math.inf)).open(sequence / "video.mp4") as video:
        frames = list(video)
        time_base = Fraction(video.facts().time_base)
    start = time.process_time()
    sights = [
        sight for sight in Scout(ReaderConfig(), detector).sights(frames, sequence.name) if sight is not None
    ]
    see_ms = (time.process_time() - start) / len(frames) * 1000
    height, width = frames[0].image.shape[:2]
    print(f"{sequence.name}: {len(frames)} frames of {width}x{height}, seen in {see_ms:.1f} ms per frame")
    for name, fps in (("every frame", math.inf), (f"{sample_fps:g} fps", sample_fps)):
        sampler = Sampler(time_base, fps)
        sampled = [sight for sight in sights if sampler.picks(sight.pts)]
        ours, glue = Ours(), Glue(glue_box)
        for sight, is_first in with_cuts(sampled, cuts):
            for contender in (ours, glue):
                contender.see(sight, is_first=is_first)
        tracks, people = ours.finish()
        glued = glue.finish()
        by_shot = sequence / "gt_shot.csv"
        in_frames = {sight.index + 1 for sight in sampled}
        truth = read_truth(by_shot if by_shot.is_file() else sequence / "gt.csv", in_frames)
        compare(f"{name}, tracks", truth, tracks, glued, len(sampled))
        compare(f"{name}, people", read_truth(sequence / "gt.csv", in_frames), people, glued, len(sampled))


def compare(name: str, truth: Sequence[str], ours: Run, glue: Run, frames: int) -> None:
    """Print a line for ours, one for the glue and one for the ratio."""
    if not truth:
        print(f"  {name:20s} without faces: {len(ours.rows)} boxes of ours, {len(glue.rows)} of the glue")
        return
    a, b = evaluate(truth, ours.rows), evaluate(truth, glue.rows)
    for who, s, run in (("ours", a, ours), ("glue", b, glue)):
        print(
            f"  {name:20s} {who:5s} HOTA {s.hota:5.1f}  IDF1 {s.idf1:5.1f}  MOTA {s.mota:5.1f}"
            f"  switches {s.switches:2d}  recall {s.recall:5.1f}  false {s.false:3d}"
            f"  identities {s.identities:3d}  {run.seconds / frames * 1000:5.2f} ms per frame"
        )
    ratios = f"HOTA {ratio(a.hota, b.hota)}  IDF1 {ratio(a.idf1, b.idf1)}  MOTA {ratio(a.mota, b.mota)}"
    print(f"  {name:20s} ratio {ratios}  switches {a.switches} : {b.switches}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sample-fps", type=float, default=8.0)
    parser.add_argument("--glue-box", choices=["face", "detector"], default="face")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    detector = load_detector(DetectorConfig())
    sequences = sorted(path.parent for path in options.folder.glob("*/video.mp4"))
    if not sequences:
        parser.error(f"{options.folder} holds no folder with a video.mp4")
    for sequence in sequences:
        report(sequence, detector, options.sample_fps, options.glue_box)


if __name__ == "__main__":
    main()
