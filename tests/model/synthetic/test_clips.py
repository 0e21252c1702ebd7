"""Clips to train on."""

import numpy as np

from model.synthetic.clips import FRAMES, sample_clip
from model.synthetic.face import Face


def test_a_clip_shows_its_person_in_motion() -> None:
    labelled = sample_clip(np.random.default_rng(0), 112, face=Face(age_years=50))
    clip = labelled.clip
    assert clip.crops.shape == (FRAMES, 112, 112, 3)
    assert labelled.person.face.age_years == 50
    # the crop is the detector's: brows to chin, so that the eyes lie in its upper half and the mouth below
    eyes, mouth = clip.landmarks_px[:, 36:48].mean((0, 1)), clip.landmarks_px[:, 48:].mean((0, 1))
    assert 15 < eyes[1] < 50 < mouth[1] < 105
    assert np.abs(clip.crops[0].astype(int) - clip.crops[-1]).mean() > 1


def test_a_seed_gives_the_same_clip() -> None:
    first, again = (
        sample_clip(np.random.default_rng(3), 64, face=Face(), picture_px=160, manipulated_share=1.0)
        for _ in range(2)
    )
    assert first.clip.crops_sha256() == again.clip.crops_sha256()
    assert first.person.manipulation is not None
