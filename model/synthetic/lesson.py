"""Films to learn from: one short shot after the other, so that few pictures show many people."""

from dataclasses import dataclass, replace

from numpy.random import default_rng

from model.synthetic.film import Film
from model.synthetic.scene import Shot, sample_shot

SIZES_PX = ((320, 240), (426, 240), (480, 360), (640, 360), (640, 480))


@dataclass(frozen=True, slots=True)
class LessonConfig:
    """What a lesson is like."""

    sizes_px: tuple[tuple[int, int], ...] = SIZES_PX
    rates_fps: tuple[int, ...] = (8, 10, 12)
    """Low ones: a scan looks at 8 pictures per second."""
    shots: int = 6
    seconds: tuple[float, float] = (1.0, 1.5)
    """Shortest and longest shot."""
    people: tuple[float, ...] = (0.5, 0.35, 0.15)
    """Shares of shots with one, two, ... faces."""
    building_share: float = 0.5
    """Share of the shots in which expressions build up, as at the beginning of a film."""
    manipulated_share: float = 0.3
    crf: tuple[int, int] = (16, 32)
    """Least and most compression, of H.264."""


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """A film, and from when on the people of its shots show what they are said to show."""

    film: Film
    shown_from_s: tuple[float, ...]
    """Per label of the film."""


def sample_lesson(seed: int, number: int, config: LessonConfig | None = None) -> Lesson:
    """Return one of the lessons of a seed; the same numbers give the same pictures."""
    config = config or LessonConfig()
    rng = default_rng((seed, number))
    width, height = config.sizes_px[int(rng.integers(len(config.sizes_px)))]
    fps = int(rng.choice(config.rates_fps))
    shots: list[Shot] = []
    lengths: list[int] = []
    shown_from_s: list[float] = []
    for _ in range(config.shots):
        people = 1 + int(rng.choice(len(config.people), p=config.people))
        length = round(fps * float(rng.uniform(*config.seconds)))
        start_s = sum(lengths) / fps
        shot = sample_shot(
            rng,
            (width, height),
            start_s + config.seconds[1],
            min(people, 2 * width // height - 1),  # heads need room beside each other
            manipulated_share=config.manipulated_share,
        )
        delay_s = start_s if rng.random() < config.building_share else 0.0
        cast = tuple(replace(person, onset_s=person.onset_s + delay_s) for person in shot.people)
        shots.append(replace(shot, people=cast))
        shown_from_s += [person.onset_s + 0.3 for person in cast]
        lengths.append(length)
    film = Film(
        name=f"{seed}-{number:05d}.mp4",
        fps=fps,
        crf=int(rng.integers(config.crf[0], config.crf[1] + 1)),
        shots=tuple(shots),
        lengths=tuple(lengths),
    )
    return Lesson(film, tuple(shown_from_s))
