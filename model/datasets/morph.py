"""MORPH II (Ricanek and Tesafaye 2006): photographs of people over years, with their ages."""

from collections.abc import Iterator
from pathlib import Path

from model.datasets.dataset import HASHED_SPLIT, Dataset, columns, find, hashed_split, twice, whole_number
from model.datasets.sample import Item, Malformed, Sample

_GENDERS = {"M": "male", "F": "female"}
_RACES = {"B": "black", "W": "white", "A": "asian", "H": "hispanic", "O": "other"}
_OLDEST = 120


def _read(root: Path, _: str) -> Iterator[Item]:
    path = find("MORPH II", root, "morph_2008_nonCommercial.csv")
    seen: set[str] = set()
    for row in columns("MORPH II", path, "id_num", "race", "gender", "age", "photo"):
        if isinstance(row, Malformed):
            yield row
            continue
        line, (stated_id, race, gender, stated, photo) = row
        number, age = whole_number(stated_id), whole_number(stated)
        # With and without leading zeros it is the same person, who must not be on both sides of a split.
        person = stated_id if number is None else f"{number:06d}"
        if not person or not photo:
            yield Malformed(path, line, "it lacks id_num or photo")
        elif age is None or age > _OLDEST:
            yield Malformed(path, line, f"age of {photo} is {stated!r}, no number of years")
        elif photo in seen:
            yield twice(path, line, photo)
        else:
            seen.add(photo)
            groups = {
                "gender": _GENDERS.get(gender.upper(), "unknown"),
                "race": _RACES.get(race.upper(), "unknown"),
                "age": age_group(age),
            }
            split = hashed_split(person)
            yield Sample(photo, root / photo, "image", float(age), split, person, groups=groups)


def age_group(age_years: int) -> str:
    """Return the decade of an age, e.g. `20-29`."""
    start = age_years // 10 * 10
    return f"{start}-{start + 9}"


MORPH = Dataset(
    name="morph",
    title="MORPH II",
    task="age",
    labels=(),
    splits=("test", "train"),
    split_rule=f"{HASHED_SPLIT}; clusters are people (id_num)",
    variants=("non-commercial",),
    reader=_read,
)
