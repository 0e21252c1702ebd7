"""Looking at the faces of one video, without a lake: tracks, cuts, a contact sheet, the video with boxes."""

import csv
import math
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Literal, TextIO

from flows.found_faces import Faces, FrameNumbers, person_ids, persons_of
from flows.usage import UsageError
from storage.archive import Fetched
from storage.folders import file_uri
from storage.records import Source
from workers.boxes import Boxes, BoxGatherer
from workers.drawing.contact_sheet import ContactSheet, encode_png
from workers.drawing.overlay import CONTAINERS, Overlay
from workers.drawing.trails import Shown, Trails
from workers.reader import Chunk, Reader, ReaderConfig, Reading, RowIds
from workers.video.decoder import Decoder, DecoderConfig
from workers.video.frames import Frame
from workers.video.timeline import Sampler

CUTS_HEADER = "first_frame_of_new_shot_1based"
_CUT_SHOWN_S = 0.5
_SHEET_ENDING = ".faces.png"
_MOST_NAME_BYTES = 255
"""Of a file, on the file systems of today."""
_LOOKS_PER_TOLD = 0.25

MotId = Literal["track", "person"]

Tell = Callable[[str, float, float | None], None]
"""Called with what is being done, the seconds of video that are done, and of how many if that is known."""


@dataclass(frozen=True, slots=True)
class FacesRequest:
    """What to look at, and what to write.

    Attributes:
        file: the video.
        reader: how it is read; its sampling is `sample_fps`.
        sample_fps: frames per second of video that are looked at; inf looks at every one.
        mot: for the rows of all faces, as MOTChallenge has them.
        mot_id: whose numbers they have: the track's, or the person's, from 1 in the order in which they come.
        cuts: for the first frames of shots.
        sheet: for the contact sheet, PNG.
        overlay: for the video with boxes; MP4, MOV or Matroska by its ending.
    """

    file: Path
    reader: ReaderConfig
    sample_fps: float = math.inf
    mot: Path | None = None
    mot_id: MotId = "track"
    cuts: Path | None = None
    sheet: Path | None = None
    overlay: Path | None = None

    @property
    def outputs(self) -> dict[str, Path]:
        """What is to be written, by the option that names it."""
        every = {"--mot": self.mot, "--cuts": self.cuts, "--sheet": self.sheet, "--overlay": self.overlay}
        return {name: path for name, path in every.items() if path is not None}

    def check(self) -> None:
        """Check all that can be checked before the video is opened.

        Raises:
            UsageError: the file or an output cannot be used.
        """
        if self.file.is_dir():
            raise UsageError(f"{self.file} is a folder; name one video in it")
        if not self.file.exists():
            raise UsageError(f"{self.file}: there is no such file")
        if not self.file.is_file():
            raise UsageError(f"{self.file} is not a regular file")
        if not os.access(self.file, os.R_OK):
            raise UsageError(f"{self.file}: not permitted to read it")
        if self.overlay is not None and self.overlay.suffix.lower() not in CONTAINERS:
            raise UsageError(f"--overlay {self.overlay}: give a name that ends in {', '.join(CONTAINERS)}")
        taken = {self.file.resolve(): str(self.file)}
        for name, path in self.outputs.items():
            _check_output(name, path)
            real = path.resolve()
            if real in taken:
                raise UsageError(f"{name} {path} would overwrite {taken[real]}")
            taken[real] = f"{name} {path}"


def sheet_name(file: Path) -> str:
    """Return the name of a video's contact sheet: the video's, cut short where no file can be called so."""
    stem = os.fsencode(file.stem)[: _MOST_NAME_BYTES - len(_SHEET_ENDING)]
    return os.fsdecode(stem) + _SHEET_ENDING


def find_faces(request: FacesRequest, tell: Tell) -> Faces:
    """Read a video as a scan does, show it again to what draws it, and write what was asked for.

    Raises:
        UsageError: the request cannot be used.
        WorkerError: the video cannot be read.
        OSError: an output cannot be written.
    """
    request.check()
    config = replace(
        request.reader,
        decoder=replace(request.reader.decoder, sample_fps=request.sample_fps),
        heartbeat_s=_LOOKS_PER_TOLD,
    )
    reader = Reader(config)
    status, now = request.file.stat(), datetime.now(UTC)
    source = Source(file_uri(request.file.absolute()), status.st_size, None, None, now, "faces", "faces")
    fetched = reader.fetch(source)
    clips: Counter[str] = Counter()
    gatherer = BoxGatherer(keeps_landmarks=request.overlay is not None)

    def on_chunk(chunk: Chunk) -> None:
        tell("finding faces", chunk.position_s, chunk.duration_s)
        clips.update(cut.record.track_id for cut in chunk.cuts)
        gatherer.add(chunk.rows)

    reading = Reading.of(reader.read(fetched, RowIds("faces", "faces", "faces")), on_chunk)
    boxes = gatherer.boxes(reading.tracks)
    return _Drawing(request, config.decoder, fetched, reading, boxes, clips=clips).finish(tell)


class _Drawing:
    """What is made of a reading, with the frames of the video shown once more."""

    def __init__(
        self,
        request: FacesRequest,
        decoder: DecoderConfig,
        fetched: Fetched,
        reading: Reading,
        boxes: Boxes,
        *,
        clips: Counter[str],
    ) -> None:
        self._request, self._fetched, self._reading, self._clips = request, fetched, reading, clips
        self._sizes_px = boxes.mean_sizes_px()
        # Frames that the reading skipped may be damaged without its knowing.
        self._is_every = bool(request.mot or request.overlay or reading.video.packets_damaged)
        self._decoder = replace(decoder, sample_fps=math.inf) if self._is_every else decoder
        self._sampler = Sampler(Fraction(reading.video.time_base), request.sample_fps)
        self._trails = Trails(reading, boxes, request.sample_fps)
        self._mot_ids = _mot_ids(reading, request.mot_id)
        title = request.file.name.encode(errors="backslashreplace").decode()
        self._sheet: ContactSheet | None = None
        if request.sheet:
            self._sheet = ContactSheet(reading, boxes, title, clips=clips, persons=persons_of(reading))
        self._is_shown = self._is_every or self._sheet is not None
        self._decoded: list[int] = []

    def finish(self, tell: Tell) -> Faces:
        with ExitStack() as stack:
            overlay = self._opened(stack)
            mot = stack.enter_context(tempfile.TemporaryFile("w+", newline="", encoding="ascii"))
            if self._is_shown:
                self._show(overlay, mot, tell)
            if self._request.mot is not None:
                mot.seek(0)
                with self._request.mot.open("w", newline="", encoding="ascii") as file:
                    shutil.copyfileobj(mot, file)
        faces = Faces(
            self._request.file,
            self._reading,
            self._sizes_px,
            self._clips,
            FrameNumbers(self._decoded if self._is_every else None),
            tuple(self._request.outputs.values()),
        )
        self._write(faces)
        return faces

    def _opened(self, stack: ExitStack) -> Overlay | None:
        if self._request.overlay is None:
            return None
        video = self._reading.video
        part = stack.enter_context(_in_place(self._request.overlay))
        size_px, time_base = (video.width_px, video.height_px), Fraction(video.time_base)
        end_pts = video.start_pts + round(video.duration_s / time_base)
        return stack.enter_context(Overlay(part, size_px, time_base, fps=video.fps, end_pts=end_pts))

    def _show(self, overlay: Overlay | None, mot: TextIO, tell: Tell) -> None:
        rows = csv.writer(mot, lineterminator="\n")
        cuts_s = {shot.start_frame: shot.start_s for shot in self._reading.shots[1:]}
        cut_s = -math.inf
        start_s = self._reading.shots[0].start_s
        with Decoder(self._decoder).open(self._fetched.path) as video:
            for frame in video:
                self._decoded.append(frame.index)
                number = len(self._decoded) if self._is_every else frame.index + 1
                cut_s = cuts_s.get(frame.index, cut_s)
                if self._sheet is not None:
                    self._sheet.add(frame, is_looked_at=self._sampler.picks(frame.pts))
                shown = list(self._trails.at(frame.index, frame.pts_s))
                if self._request.mot is not None:
                    rows.writerows(self._mot_row(number, face) for face in shown)
                if overlay is not None:
                    is_cut = 0 <= frame.pts_s - cut_s < _CUT_SHOWN_S
                    overlay.add(frame, shown, _caption(number, frame), is_cut=is_cut)
                tell("drawing", frame.pts_s - start_s, self._reading.video.duration_s)

    def _mot_row(self, number: int, face: Shown) -> tuple[int | str, ...]:
        sides = (f"{side:.2f}" for side in face.box_xywh_px)
        return number, self._mot_ids[face.track_index], *sides, f"{face.score:.4f}", -1, -1

    def _write(self, faces: Faces) -> None:
        request = self._request
        if request.cuts is not None:
            lines = (CUTS_HEADER, *map(str, faces.cut_frames))
            request.cuts.write_text("\n".join(lines) + "\n", encoding="ascii")
        if request.sheet is not None and self._sheet is not None:
            request.sheet.write_bytes(encode_png(self._sheet.draw()))


def _mot_ids(reading: Reading, of: MotId) -> dict[int, int]:
    """Return under which number, from 1, the faces of a track go into the MOT rows, by the track's index."""
    of_person = {person_id: number for number, person_id in enumerate(person_ids(reading), 1)}
    if of == "track":
        return {track.track_index: track.track_index + 1 for track in reading.tracks}
    return {track.track_index: of_person[track.person_id] for track in reading.tracks if track.person_id}


def _caption(number: int, frame: Frame) -> str:
    return f"frame {number}   {frame.pts_s:.3f} s"


@contextmanager
def _in_place(path: Path) -> Generator[Path]:
    """Give a name to write to beside a path, which it takes over when all went well."""
    part = path.with_name(f".facesift.{os.getpid()}.part{path.suffix}")  # the path's own may be long already
    try:
        yield part
        part.replace(path)
    except OSError as error:
        raise OSError(str(error).replace(str(part), str(path))) from error
    finally:
        part.unlink(missing_ok=True)


def _check_output(name: str, path: Path) -> None:
    try:
        is_folder, is_in_folder = path.is_dir(), path.parent.is_dir()
    except OSError as error:  # a name can be too long
        raise UsageError(f"{name} {path}: {error.strerror}") from error
    if is_folder:
        raise UsageError(f"{name} {path} is a folder; name a file")
    if not is_in_folder:
        raise UsageError(f"{name} {path}: there is no folder {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UsageError(f"{name} {path}: not permitted to write there")
