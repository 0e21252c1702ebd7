import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from flows.training.lessons import make_clips, make_lesson
from flows.training.rendered_truth import label_of
from flows.training.talk import write_talk
from model.synthetic.film import Label
from model.synthetic.lesson import LessonConfig
from model.training.sample import read_samples
from storage.records import Clip

LABEL = Label(
    file="0.mp4", face=0, start_s=1, end_s=3, x_px=100, y_px=50, w_px=80, h_px=100, expression="fear",
    action_units=(), attributes=(), age_years=30, is_manipulated=False, manipulation=None,
)  # fmt: skip


def clip(start_s: float, end_s: float, left: float, top: float) -> Clip:
    return Clip(
        clip_id="", track_id="", video_id="", recipe_id="", attempt_id="", clip_index=0, start_s=start_s,
        end_s=end_s, frame_indices=(0, 1), pts=(0, 1), crop_xys_px=(left, top, 90.0) * 2,
        landmarks_crop_px=(), best_frame=0, quality=1, crops_sha256="", evidence=None,
    )  # fmt: skip


def test_a_clip_has_the_label_of_its_time_and_place() -> None:
    labels = [LABEL, replace(LABEL, x_px=200), replace(LABEL, start_s=3, end_s=5)]
    assert label_of(clip(1.2, 2.8, 96, 56), labels) == 0
    assert label_of(clip(1.2, 2.8, 190, 56), labels) == 1
    assert label_of(clip(3.0, 4.9, 96, 56), labels) == 2
    assert label_of(clip(2.0, 4.0, 96, 56), labels) is None  # across the cut
    assert label_of(clip(1.2, 2.8, 400, 56), labels) is None


def test_a_lesson_becomes_clips_and_conversations(tmp_path: Path) -> None:
    config = LessonConfig(sizes_px=((320, 240),), shots=1, seconds=(0.8, 0.9), people=(1.0,), crf=(20, 21))
    (tmp_path / "clips").mkdir()
    make_lesson(tmp_path / "clips", 7, 0, config)
    told: list[tuple[int, int]] = []
    kept = make_clips(
        tmp_path / "clips", 7, lessons=1, until_s=time.monotonic(), processes=1, config=config,
        tell=lambda done, wanted: told.append((done, wanted)),
    )  # fmt: skip
    assert told == [(1, 1)]
    assert len(kept) == 1
    crops = np.load(tmp_path / "clips" / f"{kept[0].name}.npy")
    assert crops.shape == (8, 256, 256, 3)
    assert len(kept[0].seen) == 8
    write_talk(kept, tmp_path / "clips", tmp_path, seed=1)
    guided = read_samples(tmp_path / "talk-clips.json", tmp_path / "clips")
    alone = read_samples(tmp_path / "talk-begin.json", tmp_path / "clips")
    assert all(sample.landmarks is not None for sample in guided)
    assert all(sample.landmarks is None for sample in alone)
    assert len(alone) > len(guided)
    assert {sample.kind for sample in guided} == {"image", "video"}
