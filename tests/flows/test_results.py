"""What a scan finds in a made video, against what it found when `RECIPE_VERSION` was last raised.

python -m tests.flows.test_results    stores what it finds now
"""

import hashlib
import json
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.recipe import RECIPE_VERSION, Recipe
from model.demonstration import write_untrained_checkpoint
from model.synthetic.scene import sample_shot
from storage.records import Box, Source, Track
from tests.workers.readings import whole_reading
from tests.workers.videos import Image, encode
from workers.describer import Describer
from workers.reader import ClipCut, Reader, RowIds

STORED = Path(__file__).parent / "data" / "results.json"
FPS, CUT, FRAMES = 8, 12, 24
TOLERANCES = {"px": 1.5, "deg": 3.0, "score": 0.03, "nats": 0.1, "grey": 2.0, "years": 2.0, "sharpness": 30.0}
"""By the last word of a value's name: what other processors and libraries may make of the same video. Values
that are not named here are equal."""
CHANGED = """what a scan finds has changed: {changes}.
When that is what you want, raise RECIPE_VERSION in flows/recipe.py: else results of the old code and of the
new one lie under one recipe_id. When only the drawing of the pictures or the demonstration checkpoint has
changed, leave it. In both cases store the new values with `python -m tests.flows.test_results`."""


def pictures() -> Iterator[Image]:
    """One person, then a cut to two; the camera moves a little."""
    rng = np.random.default_rng(3)
    shots = [sample_shot(rng, size_px=(360, 260), seconds=4.5, people=people) for people in (1, 2)]
    for number in range(FRAMES):
        picture, _ = shots[number >= CUT].picture_at(number / FPS, number)
        yield picture[10:250, number // 2 : number // 2 + 320]


def results(folder: Path) -> dict[str, Any]:
    """Read and describe the video; return what counts of the rows, as JSON values."""
    images = list(pictures())
    path = encode(folder / "film.mkv", images, codec="ffv1", fps=FPS, pixel_format="yuv444p")
    write_untrained_checkpoint(folder / "checkpoint")
    recipe = Recipe().pin(str(folder / "checkpoint"))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    reader = Reader(recipe.recipe.reader)
    fetched = reader.fetch(Source(str(path), None, None, now, now, "scan", "recipe"))
    cuts: list[ClipCut] = []
    parts = reader.read(fetched, RowIds("recipe", "attempt", "scan"))
    reading = whole_reading(parts, lambda chunk: cuts.extend(chunk.cuts))
    return {
        "recipe_version": RECIPE_VERSION,
        "picture_grey": [round(float(image.mean()), 1) for image in images[::CUT]],
        "shots": [[shot.start_frame, shot.start_s] for shot in reading.shots],
        "tracks": [_track(track, reading.rows_of_boxes) for track in reading.tracks],
        "clips": [_clip(cut) for cut in cuts],
        "model": _described(Describer(recipe.describer()), cuts),
    }


def _track(track: Track, boxes: Iterable[Box]) -> dict[str, Any]:
    mine = [box for box in boxes if box.track_id == track.track_id]

    def mean(*names: str) -> list[float]:
        return [round(float(np.mean([getattr(box, name) for box in mine])), 2) for name in names]

    return {
        "frames": [track.shot_index, track.start_frame, track.end_frame, track.frames],
        "box_px": mean("x_px", "y_px", "w_px", "h_px"),
        "face_score": mean("score", "quality"),
        "face_sharpness": mean("sharpness"),
        "pose_deg": mean("yaw_deg", "pitch_deg", "roll_deg"),
        "landmarks_px": np.mean([box.landmarks_px for box in mine], 0).round(1).tolist(),
    }


def _clip(cut: ClipCut) -> dict[str, Any]:
    row = cut.record
    return {
        "frames": list(row.frame_indices),
        "crop_px": np.mean(np.reshape(row.crop_xys_px, (-1, 3)), 0).round(1).tolist(),
        "crops_grey": [round(float(value), 1) for value in cut.clip.crops.mean((1, 2, 3))],
        # Which frame is the best is left out: two may be nearly as good.
        "quality_score": round(row.quality, 2),
    }


def _described(describer: Describer, cuts: list[ClipCut]) -> dict[str, Any]:
    described = describer.describe(cuts)
    # The texts are left out: where a random model hesitates between two words, any processor may decide.
    asked = [(row.question, row.view, row.prompt) for row in described.answers]
    labels = [(row.question, row.label, row.unit) for row in described.findings]
    return {
        "prompts_sha256": hashlib.sha256(repr(asked).encode()).hexdigest(),
        "labels_sha256": hashlib.sha256(repr(labels).encode()).hexdigest(),
        "label_score": [round(row.score, 3) for row in described.findings if row.unit == "probability"],
        "label_nats": [round(row.log_prob or 0.0, 3) for row in described.findings],
        "prior_nats": [round(row.prior_log_prob or 0.0, 3) for row in described.findings],
        "age_years": [round(row.score, 1) for row in described.findings if row.unit == "years"],
    }


def differences(stored: Any, found: Any, name: str, tolerance: float = 0.0) -> Iterator[str]:
    """Name every value that is further from the stored one than its kind may be."""
    match stored, found:
        case dict(), dict() if stored.keys() == found.keys():
            for key in stored:
                kind = key.rpartition("_")[2]
                yield from differences(stored[key], found[key], f"{name}.{key}", TOLERANCES.get(kind, 0.0))
        case list(), list() if len(stored) == len(found):
            for number, (was, now) in enumerate(zip(stored, found, strict=True)):
                yield from differences(was, now, f"{name}[{number}]", tolerance)
        case (int() | float(), int() | float()) if abs(stored - found) <= tolerance:
            pass
        case _ if stored == found:
            pass
        case _:
            yield f"{name} was {stored}, is {found}"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return results(tmp_path_factory.mktemp("results"))


def test_the_same_video_gives_the_same_results_under_the_same_recipe_version(found: dict[str, Any]) -> None:
    stored = json.loads(STORED.read_text())
    changes = list(differences(stored, found, "results"))
    shown = "; ".join(changes[:5]) + (f"; and {len(changes) - 5} more" if len(changes) > 5 else "")
    assert not changes, CHANGED.format(changes=shown)


def test_the_video_shows_enough_for_a_change_to_be_seen(found: dict[str, Any]) -> None:
    assert [track["frames"][0] for track in found["tracks"]] == [0, 1, 1]
    assert len(found["clips"]) >= 3
    assert len(found["model"]["label_score"]) > 50 * len(found["clips"])


@pytest.mark.parametrize(
    ("stored", "found"),
    [
        ({"box_px": [10.0]}, {"box_px": [12.0]}),
        ({"face_score": 0.9}, {"face_score": 0.8}),
        ({"frames": [0, 17]}, {"frames": [0, 16]}),
        ({"frames": [0, 17]}, {"frames": [0]}),
        ({"labels": ["AU1"]}, {"labels": ["AU2"]}),
        ({"labels": []}, {"answers": []}),
        ({"clips": []}, {"clips": None}),
    ],
)
def test_a_change_is_told_from_noise(stored: Any, found: Any) -> None:
    assert len(list(differences(stored, found, "results"))) == 1
    assert not list(differences(stored, stored, "results"))
    assert not list(differences({"box_px": [10.0]}, {"box_px": [10.9]}, "results"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        STORED.parent.mkdir(exist_ok=True)
        text = json.dumps(results(Path(made)), indent=1)
    # Lists of values on one line each, so that a change can be read in a diff.
    STORED.write_text(re.sub(r"\[[^][{}]*\]", lambda values: " ".join(values[0].split()), text) + "\n")
    sys.stdout.write(f"{STORED} holds what is found now\n")
