"""Films: shots one after the other, and the truth about every face in them."""

from collections.abc import Iterator
from dataclasses import dataclass

from numpy.random import Generator

from model.synthetic.canvas import Picture
from model.synthetic.render import Truth
from model.synthetic.scene import Person, Shot, sample_shot

RATES_FPS = (15, 24, 25, 30)


@dataclass(frozen=True, slots=True)
class Label:
    """The truth about one face of one film; the columns of `labels.parquet` in this order.

    A person who is seen before and after a cut has two, as has a track.
    """

    file: str
    face: int
    """From 0, shot by shot and in each from the left."""
    start_s: float
    end_s: float
    x_px: float
    y_px: float
    w_px: float
    h_px: float
    """The box halfway between start and end, as `landmarks.box_of` defines it: faces move little."""
    expression: str
    """One of the seven names of `model.prompting.labels`."""
    action_units: tuple[str, ...]
    """`AU1`, ...: those that reach `scene.ACTIVE_UNIT`."""
    attributes: tuple[str, ...]
    """Those of `attributes.ATTRIBUTES` that are present; of the others of CelebA nothing is known."""
    age_years: int
    is_manipulated: bool
    manipulation: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """A film to be: its shots with their lengths in frames. Drawing it again gives the same pictures."""

    name: str
    fps: int
    crf: int
    shots: tuple[Shot, ...]
    lengths: tuple[int, ...]

    def pictures(self) -> Iterator[tuple[Picture, tuple[Truth, ...]]]:
        """Yield each frame [H, W, 3] uint8 RGB with the truth about its faces, in the order of the people."""
        frame = 0
        for shot, length in zip(self.shots, self.lengths, strict=True):
            for _ in range(length):
                yield shot.picture_at(frame / self.fps, frame)
                frame += 1

    def labels(self) -> list[Label]:
        """Return one label per face and shot."""
        labels: list[Label] = []
        first = 0
        for shot, length in zip(self.shots, self.lengths, strict=True):
            times_s = first / self.fps, (first + length) / self.fps
            truths = shot.truths_at((first + length // 2) / self.fps)
            for person, truth in zip(shot.people, truths, strict=True):
                labels.append(_label(self.name, len(labels), times_s, person, truth))
            first += length
        return labels


def _label(file: str, face: int, times_s: tuple[float, float], person: Person, truth: Truth) -> Label:
    x, y, w, h = (round(value, 1) for value in truth.box_xywh_px)
    made = person.manipulation
    return Label(
        file=file,
        face=face,
        start_s=times_s[0],
        end_s=times_s[1],
        x_px=x,
        y_px=y,
        w_px=w,
        h_px=h,
        expression=person.expression,
        action_units=person.shown_units,
        attributes=person.attributes,
        age_years=person.face.age_years,
        is_manipulated=made is not None,
        manipulation=None if made is None else made.kind,
    )


def sample_film(
    rng: Generator,
    name: str,
    *,
    size_px: tuple[int, int],
    seconds: float,
    people: int,
    has_cut: bool,
    manipulated_share: float = 0.0,
) -> Film:
    """Return a random film of a width and height; a cut goes to other people, or keeps the first one."""
    fps = int(rng.choice(RATES_FPS))
    total = round(seconds * fps)
    first = round(total * float(rng.uniform(0.4, 0.6))) if has_cut else total
    lengths = (first, total - first) if has_cut else (first,)
    shots: list[Shot] = []
    for number in range(len(lengths)):
        stays = number > 0 and people > 0 and rng.random() < 0.5
        faces = (shots[0].people[0].face,) if stays else ()
        count = people if number == 0 or not people else int(rng.integers(1, people + 1))
        shots.append(
            sample_shot(rng, size_px, seconds, count, faces=faces, manipulated_share=manipulated_share)
        )
    return Film(name=name, fps=fps, crf=int(rng.integers(18, 29)), shots=tuple(shots), lengths=lengths)
