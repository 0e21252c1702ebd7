"""What was found in one video, for people and programs to read: its tracks, cuts and persons."""

from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.folders import file_uri
from workers.reading import Reading


class FrameNumbers:
    """Numbers of the decoded frames from 1: their places in the video, less those that could not be decoded.

    Args:
        decoded: places from 0 of all frames that were decoded, ascending; None when all of the video were.
    """

    def __init__(self, decoded: list[int] | None) -> None:
        self._decoded = decoded

    def of(self, frame_index: int) -> int:
        """Return the number of a frame that was decoded, from its place in the video."""
        return frame_index + 1 if self._decoded is None else bisect_right(self._decoded, frame_index)


@dataclass(frozen=True, slots=True)
class Faces:
    """What was found in a video.

    Attributes:
        file: the video.
        reading: its rows but the boxes.
        sizes_px: mean shorter sides of the tracks' boxes, by the track's index.
        clips: how many clips each track has, by `track_id`.
        numbers: of the decoded frames from 1, by their place in the video from 0.
        written: the files that were written.
    """

    file: Path
    reading: Reading
    sizes_px: dict[int, float]
    clips: dict[str, int]
    numbers: FrameNumbers
    written: tuple[Path, ...]

    @property
    def cut_frames(self) -> list[int]:
        """Numbers, from 1, of the first frames of shots but the first."""
        return [self.numbers.of(shot.start_frame) for shot in self.reading.shots[1:]]

    @property
    def persons(self) -> dict[str, str]:
        """Names of the persons, by their ids."""
        return persons_of(self.reading)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values; frames are numbered from 1 in the order in which they are decoded."""
        video = self.reading.video
        kept = "width_px height_px fps duration_s codec container rotation_deg frames_decoded frames_sampled"
        return {
            "file": file_uri(self.file),
            "video_id": video.video_id,
            **{name: getattr(video, name) for name in kept.split()},
            "packets_damaged": video.packets_damaged,
            "is_partial": video.is_partial,
            "partial_reason": video.partial_reason,
            "faces": video.faces,
            "cuts": [
                {"first_frame": frame, "start_s": shot.start_s, "transition": shot.transition}
                for frame, shot in zip(self.cut_frames, self.reading.shots[1:], strict=True)
            ],
            "tracks": [
                {
                    "track_index": track.track_index,
                    "person": self.persons.get(track.person_id or ""),
                    "shot": track.shot_index + 1,
                    "start_s": track.start_s,
                    "end_s": track.end_s,
                    "first_frame": self.numbers.of(track.start_frame),
                    "last_frame": self.numbers.of(track.end_frame),
                    "frames": track.frames,
                    "gaps": track.gaps,
                    "mean_size_px": round(self.sizes_px[track.track_index], 1),
                    "quality": round(track.quality, 4),
                    "clips": self.clips.get(track.track_id, 0),
                    "no_clip_reason": track.no_clip_reason,
                }
                for track in self.reading.tracks
            ],
            "written": [str(path) for path in self.written],
        }


def persons_of(reading: Reading) -> dict[str, str]:
    """Return names for the persons by their ids: A, B, ... in the order of their first tracks."""
    return {person_id: _letters(number) for number, person_id in enumerate(person_ids(reading))}


def person_ids(reading: Reading) -> list[str]:
    """Return the ids of the persons in the order of their first tracks."""
    return list(dict.fromkeys(track.person_id for track in reading.tracks if track.person_id is not None))


def _letters(number: int) -> str:
    """Return A, B, ..., Z, AA, AB, ... for 0, 1, ..."""
    first, last = divmod(number, 26)
    return (_letters(first - 1) if first else "") + chr(ord("A") + last)
