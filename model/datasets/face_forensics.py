"""FaceForensics++ (Rössler et al. 2019): 1,000 videos, and four manipulations of each.

A video's name says nothing without its method: `000_003.mp4` stands under all four. So a sample's id is
`<method>/<compression>/<name>`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from model.datasets.dataset import Dataset, LayoutError, find, find_variant, twice
from model.datasets.sample import Item, Malformed, Sample

METHODS = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures")
COMPRESSIONS = ("c23", "c40", "raw")
ORIGINAL = "original"


def _read(root: Path, variant: str) -> Iterator[Item]:
    splits = find("FaceForensics++", root, "splits/test.json", "dataset/splits/test.json", "test.json").parent
    places = {one: f"original_sequences/youtube/{one}/videos" for one in COMPRESSIONS}
    find_variant(
        "FaceForensics++",
        root,
        {**{one: (place,) for one, place in places.items()}, "all": tuple(places.values())},
        variant,
    )
    there = [one for one in COMPRESSIONS if variant in {one, "all"} and (root / places[one]).is_dir()]
    seen: set[str] = set()
    for split in ("test", "val", "train"):
        path = splits / f"{split}.json"
        if not path.exists():
            yield Malformed(path, None, "it is not there: this split has no samples")
            continue
        for item in _read_pairs(path, seen):
            if isinstance(item, Malformed):
                yield item
            else:
                for compression in there:
                    yield from _samples(root, split, item, compression)


def _read_pairs(path: Path, seen: set[str]) -> Iterator[tuple[str, str] | Malformed]:
    """Yield the pairs of a split; a video that is in `seen`, be it of another split, is not taken again."""
    try:
        pairs: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise LayoutError("FaceForensics++", path, f"it is no JSON ({error})") from error
    if not isinstance(pairs, list):
        raise LayoutError("FaceForensics++", path, "it is no list of pairs")
    for number, pair in enumerate(pairs, start=1):
        match pair:
            case [str(first), str(second)] if first.isdigit() and second.isdigit() and first != second:
                if {first, second} & seen:
                    yield twice(path, None, f"a video of pair {number}, {first} {second},")
                else:
                    seen |= {first, second}
                    yield first, second
            case _:
                yield Malformed(path, None, f"entry {number}, {pair!r}, is no pair of two videos' numbers")


def _samples(root: Path, split: str, pair: tuple[str, str], compression: str) -> Iterator[Sample]:
    first, second = pair
    names = [(ORIGINAL, first), (ORIGINAL, second)]
    names += [(method, name) for method in METHODS for name in (f"{first}_{second}", f"{second}_{first}")]
    for method, name in names:
        is_original = method == ORIGINAL
        folder = (
            root.joinpath("original_sequences", "youtube")
            if is_original
            else (root / "manipulated_sequences" / method)
        )
        yield Sample(
            sample_id=f"{method}/{compression}/{name}",
            media=folder / compression / "videos" / f"{name}.mp4",
            kind="video",
            truth="real" if is_original else "fake",
            split=split,
            cluster=f"{first}_{second}",  # both people are in both fakes
            groups={"method": method, "compression": compression},
        )


FACE_FORENSICS = Dataset(
    name="ff++",
    title="FaceForensics++",
    task="deepfake",
    labels=("real", "fake"),
    splits=("test", "val", "train"),
    split_rule="its own, JSON lists of pairs; both orders of a pair are fakes, and both its videos real",
    variants=(*COMPRESSIONS, "all"),
    reader=_read,
)
