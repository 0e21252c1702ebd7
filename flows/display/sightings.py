"""How the faces of one video are shown on a terminal."""

from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from flows.found_faces import Faces
from flows.summary import open_console, printable
from workers.drawing.palette import colour_of
from workers.drawing.time_axis import clock_of


class LookProgress:
    """A bar for what is being done to the video; on a terminal, or nowhere."""

    def __init__(self, out: TextIO, *, is_shown: bool) -> None:
        self._bars = Progress(
            TextColumn("{task.description:14}"),
            BarColumn(bar_width=30),
            TaskProgressColumn(),
            TextColumn("{task.fields[position]}"),
            TimeRemainingColumn(),
            console=Console(file=out),
            disable=not is_shown,
            transient=True,
        )
        self._step = ""
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def tell(self, step: str, done_s: float, total_s: float | None) -> None:
        """Show how far a step is, in seconds of video."""
        if self._task is None or step != self._step:
            if self._task is not None:
                self._bars.remove_task(self._task)
            self._step = step
            self._task = self._bars.add_task(step, total=total_s, position="")
        position = f"{clock_of(done_s, 1)} of {clock_of(total_s, 1)} s" if total_s else clock_of(done_s, 1)
        self._bars.update(self._task, completed=done_s, position=position)


def print_faces(faces: Faces, out: Console | None = None) -> None:
    """Print a table of the tracks, and what else there is to say of the video."""
    console = out or open_console()
    reading, video = faces.reading, faces.reading.video
    if reading.tracks:
        console.print(_table(faces))
    rate = f"{video.fps:.4g} fps" if video.fps else "no stated rate"
    length = f"{rate}, {video.duration_s:.3f} s" if video.frames_decoded > 1 else "one picture"
    turn = f", turned by {video.rotation_deg}°" if video.rotation_deg else ""
    facts = {
        "video": f"{video.width_px}x{video.height_px}, {length}, {video.codec}{turn}",
        "faces": f"{video.faces:,} in {video.frames_sampled:,} of {video.frames_decoded:,} frames, "
        + (f"{video.tracks:,} tracks" if video.tracks != 1 else "1 track")
        if reading.tracks
        else f"none in {video.frames_sampled:,} of {video.frames_decoded:,} frames",
        "cuts": _cuts(faces),
    }
    for name, value in facts.items():
        console.print(Text(f"{name:<6}", style="dim") + Text(value))
    if video.is_partial:
        console.print(Text(f"read only in part: {video.partial_reason}", style="bold yellow"))
    for path in faces.written:
        console.print(Text(f"wrote {printable(str(path))}"))


def _table(faces: Faces) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    has_persons, sizes_px = len(faces.persons) > 0, faces.sizes_px
    columns = ("track", *(["person"] if has_persons else []), "from", "to", "frames", "gaps", "px", "quality")
    for name in columns:
        table.add_column(name, justify="left" if name in {"track", "person"} else "right")
    table.add_column("clips")
    for track in faces.reading.tracks:
        clips = faces.clips.get(track.track_id, 0)
        red, green, blue = colour_of(track.track_index)
        person = [faces.persons.get(track.person_id or "", "")] if has_persons else []
        table.add_row(
            Text(f"t{track.track_index}", style=f"bold rgb({red},{green},{blue})"),
            *person,
            f"{track.start_s:.2f} s",
            f"{track.end_s:.2f} s",
            f"{track.frames:,}",
            f"{track.gaps:,}" if track.gaps else "",
            f"{sizes_px[track.track_index]:.0f}",
            f"{track.quality:.2f}",
            f"{clips}" if clips else f"none: {track.no_clip_reason}",
        )
    return table


_SHOWN_CUTS = 12


def _cuts(faces: Faces) -> str:
    frames, shots = faces.cut_frames, faces.reading.shots[1:]
    if not frames:
        return "none"
    named = [
        f"{frame} ({shot.start_s:.2f} s{_how(shot.transition)})"
        for frame, shot in zip(frames[:_SHOWN_CUTS], shots, strict=False)
    ]
    more = f" and {len(frames) - _SHOWN_CUTS:,} more" if len(frames) > _SHOWN_CUTS else ""
    return f"{len(frames):,}, at frame " + ", ".join(named) + more


def _how(transition: str | None) -> str:
    return f", {transition}" if transition and transition != "cut" else ""
