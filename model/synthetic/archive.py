"""A small archive of films with known truth: the sample that everything else is tried on."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from numpy.random import Generator, default_rng

from model.synthetic.attributes import attributes_of
from model.synthetic.film import write_film
from model.synthetic.render import Picture, Truth
from model.synthetic.scene import Person, Shot, sample_shot

SIZES_PX = ((320, 240), (426, 240), (480, 360), (640, 360), (640, 480), (854, 480), (1280, 720))
RATES_FPS = (15, 24, 25, 30)
ACTIVE_UNIT = 0.35
"""Intensity 0..1 from which an action unit is in the labels (FACS B or more)."""


@dataclass(frozen=True, slots=True)
class Label:
    """The truth about one face of one film; the columns of `labels.parquet` in this order."""

    file: str
    face: int
    """From 0, in order of appearance and then from the left."""
    start_s: float
    end_s: float
    x_px: float
    y_px: float
    w_px: float
    h_px: float
    """The box in the middle of the face's time, as `landmarks.box_of` defines it."""
    expression: str
    action_units: tuple[str, ...]
    attributes: tuple[str, ...]
    age_years: int
    is_manipulated: bool
    manipulation: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """A film to be: its shots with their lengths in frames."""

    name: str
    fps: int
    crf: int
    shots: tuple[Shot, ...]
    lengths: tuple[int, ...]

    def frames(self) -> Iterator[tuple[Picture, int, tuple[Truth, ...]]]:
        """Yield picture, number of the shot, and the truth about its people."""
        frame = 0
        for number, (shot, length) in enumerate(zip(self.shots, self.lengths, strict=True)):
            for _ in range(length):
                picture, truths = shot.picture_at(frame / self.fps, frame)
                yield picture, number, truths
                frame += 1


def sample_film(rng: Generator, name: str, *, size_px: tuple[int, int], people: int, has_cut: bool) -> Film:
    """Return a random film of 2 to 6 seconds."""
    fps = int(rng.choice(RATES_FPS))
    total = round(float(rng.uniform(2, 6)) * fps)
    lengths = (round(total * float(rng.uniform(0.4, 0.6))),) if has_cut else ()
    lengths = (*lengths, total - sum(lengths))
    shots: list[Shot] = []
    for number, _ in enumerate(lengths):
        # A cut goes to other people, or to the first of them alone.
        faces = (shots[0].people[0].face,) if number and people and rng.random() < 0.5 else ()
        count = people if number == 0 or not people else int(rng.integers(1, people + 1))
        shots.append(sample_shot(rng, *size_px, total / fps, count, faces))
    return Film(name=name, fps=fps, crf=int(rng.integers(18, 29)), shots=tuple(shots), lengths=lengths)


def labels_of(film: Film) -> list[Label]:
    """Return one label per face of a film; a person seen on both sides of a cut counts on each."""
    labels: list[Label] = []
    first = 0
    for shot, length in zip(film.shots, film.lengths, strict=True):
        start_s, end_s = first / film.fps, (first + length) / film.fps
        middle = first + length // 2
        _, truths = shot.picture_at(middle / film.fps, middle)
        for person, truth in zip(shot.people, truths, strict=True):
            labels.append(_label(film, person, truth, len(labels), start_s, end_s))
        first += length
    return labels


def _label(film: Film, person: Person, truth: Truth, face: int, start_s: float, end_s: float) -> Label:
    x, y, w, h = (round(value, 1) for value in truth.box_xywh_px)
    units = sorted(number for number, level in person.action_units.items() if level >= ACTIVE_UNIT)
    return Label(
        file=film.name,
        face=face,
        start_s=start_s,
        end_s=end_s,
        x_px=x,
        y_px=y,
        w_px=w,
        h_px=h,
        expression=person.expression,
        action_units=tuple(f"AU{number}" for number in units),
        attributes=attributes_of(person.face, person.action_units),
        age_years=person.face.age_years,
        is_manipulated=False,
        manipulation=None,
    )


def write_archive(
    out_dir: Path, videos: int, seed: int, sizes_px: Sequence[tuple[int, int]] = SIZES_PX
) -> list[Label]:
    """Write films `000.mp4`, `001.mp4`, ... and `labels.parquet` into a folder, and return the labels.

    One film has no face (the last of three or more), every third a cut; the others hold one to three faces. The
    pictures depend on the seed alone.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    labels: list[Label] = []
    for number in range(videos):
        rng = default_rng((seed, number))
        is_empty = videos >= 3 and number == videos - 1
        people = 0 if is_empty else int(rng.choice([1, 2, 3], p=[0.55, 0.3, 0.15]))
        size_px = sizes_px[int(rng.integers(len(sizes_px)))]
        film = sample_film(rng, f"{number:03d}.mp4", size_px=size_px, people=people, has_cut=number % 3 == 1)
        write_film(out_dir / film.name, (picture for picture, _, _ in film.frames()), film.fps, film.crf)
        labels += labels_of(film)
    write_labels(out_dir / "labels.parquet", labels)
    return labels


def write_labels(path: Path, labels: Sequence[Label]) -> None:
    """Write labels as Parquet, one row each."""
    import pyarrow as pa  # noqa: PLC0415 - model runs without Arrow where no label is written
    import pyarrow.parquet as pq  # noqa: PLC0415

    kinds = {
        "face": pa.int64(),
        "age_years": pa.int64(),
        "is_manipulated": pa.bool_(),
        "action_units": pa.list_(pa.string()),
        "attributes": pa.list_(pa.string()),
    }
    text = ("file", "expression", "manipulation")
    schema = pa.schema(
        [(f.name, kinds.get(f.name, pa.string() if f.name in text else pa.float64())) for f in fields(Label)]
    )
    rows = [asdict(label) for label in labels]
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
