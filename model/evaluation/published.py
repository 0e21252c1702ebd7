"""What the Face-LLaVA paper prints (arXiv 2504.07198, tables 3, 5 and 10), to stand beside one's own figures.

Zero-shot: the dataset was kept out of the training; fine-tuned: its training part was in it. Compression,
folds, action units and the rule that maps texts to labels are not stated in the paper, so equal protocols are
not claimed. Its figures for action units are not known here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Setting = Literal["baseline", "zero-shot", "fine-tuned"]


@dataclass(frozen=True, slots=True)
class Published:
    """A row of the paper.

    Attributes:
        setting: `baseline` is a proprietary model as it is offered.
        method: its name.
        metrics: by the names of `model.evaluation.measures.TITLES`.
    """

    setting: Setting
    method: str
    metrics: Mapping[str, float]


def published(dataset: str) -> tuple[Published, ...]:
    """Return the paper's rows on a dataset, by its name."""
    return _ROWS.get(dataset, ())


def _recalls(setting: Setting, *rows: tuple[str, float, float]) -> tuple[Published, ...]:
    return tuple(Published(setting, name, {"uar": uar, "war": war}) for name, uar, war in rows)


def _each(metric: str, setting: Setting, *rows: tuple[str, float]) -> tuple[Published, ...]:
    return tuple(Published(setting, name, {metric: value}) for name, value in rows)


_ROWS: Mapping[str, tuple[Published, ...]] = {
    "dfew": (
        *_recalls("baseline", ("GPT4o-mini", 0.426, 0.518), ("Gemini-1.5F", 0.433, 0.481)),
        *_recalls(
            "zero-shot",
            ("VideoLLaMA 3", 0.286, 0.305),
            ("Qwen 2.5 VL", 0.293, 0.399),
            ("Video-LLaVA", 0.220, 0.326),
            ("LLaVA-Video", 0.375, 0.498),
            ("EmoLA (middle frame)", 0.346, 0.449),
            ("Emotion-LLaMA, from its paper", 0.456, 0.594),
            ("Emotion-LLaMA, re-run on crops", 0.302, 0.378),
            ("Face-LLaVA", 0.469, 0.564),
        ),
        *_recalls(
            "fine-tuned",
            ("EC-STFL", 0.454, 0.565),
            ("Former-DFER", 0.537, 0.657),
            ("GCA+IAL", 0.557, 0.692),
            ("M3DFEL", 0.561, 0.693),
            ("MAE-DFER", 0.634, 0.744),
            ("S2D", 0.618, 0.760),
            ("EMO-LLaMA", 0.602, 0.659),
            ("Emotion-LLaMA", 0.642, 0.771),
            ("Face-LLaVA", 0.625, 0.745),
        ),
    ),
    "crema-d": (
        *_recalls("baseline", ("GPT4o-mini", 0.410, 0.486), ("Gemini-1.5F", 0.465, 0.635)),
        *_recalls(
            "zero-shot",
            ("VideoLLaMA 3", 0.397, 0.546),
            ("Qwen 2.5 VL", 0.395, 0.566),
            ("Video-LLaVA", 0.367, 0.557),
            ("LLaVA-Video", 0.478, 0.618),
            ("EmoLA (middle frame)", 0.431, 0.618),
            ("Emotion-LLaMA, re-run on crops", 0.225, 0.308),
            ("Face-LLaVA", 0.582, 0.681),
        ),
        *_recalls(
            "fine-tuned",
            ("Lei", 0.645, 0.648),
            ("PTH-Net", 0.699, 0.700),
            ("MAE-DFER", 0.773, 0.774),
            ("MTL-ER*", 0.745, 0.756),
            ("MT-Former*", 0.793, 0.807),
            ("MTCAE-DFER", 0.847, 0.850),
            ("Face-LLaVA", 0.798, 0.813),
        ),
    ),
    "raf-db": (
        *_each("war", "baseline", ("GPT4o-mini", 0.758), ("Gemini-1.5F", 0.685)),
        *_each(
            "war",
            "zero-shot",
            ("VideoLLaMA 3", 0.671),
            ("Qwen 2.5 VL", 0.526),
            ("Video-LLaVA", 0.545),
            ("LLaVA-OV", 0.700),
            ("EmoLA", 0.741),
            ("Face-LLaVA", 0.780),
        ),
        *_each(
            "war",
            "fine-tuned",
            ("RUL", 0.890),
            ("EAC", 0.909),
            ("TransFER", 0.909),
            ("Xue", 0.920),
            ("POSTERv2", 0.922),
            ("EmoLA", 0.921),
            ("Face-LLaVA", 0.921),
        ),
    ),
    "morph": (
        *_each("mae", "baseline", ("GPT4o-mini", 4.09), ("Gemini-1.5F", 4.78)),
        *_each(
            "mae",
            "zero-shot",
            ("VideoLLaMA 3", 6.98),
            ("Qwen 2.5 VL", 6.09),
            ("Video-LLaVA", 6.75),
            ("LLaVA-OV", 6.33),
            ("Face-LLaVA", 3.34),
        ),
        *_each(
            "mae",
            "fine-tuned",
            ("PML", 2.15),
            ("DLDL-v2", 1.97),
            ("MWR", 2.00),
            ("Faceptor", 1.96),
            ("Face-LLaVA", 2.02),
        ),
    ),
    "utkface": (
        *_each("mae", "baseline", ("GPT4o-mini", 5.04), ("Gemini-1.5F", 6.13)),
        *_each(
            "mae",
            "zero-shot",
            ("VideoLLaMA 3", 6.91),
            ("Qwen 2.5 VL", 5.25),
            ("Video-LLaVA", 5.89),
            ("LLaVA-OV", 6.87),
            ("Face-LLaVA", 4.89),
        ),
        *_each(
            "mae",
            "fine-tuned",
            ("Berg", 4.55),
            ("DLDL-v2", 4.42),
            ("MWR", 4.37),
            ("Faceptor", 4.10),
            ("Face-LLaVA", 4.06),
        ),
    ),
    "celeba": (
        *_each("macc", "baseline", ("GPT4o-mini", 0.780), ("Gemini-1.5F", 0.814)),
        *_each(
            "macc",
            "zero-shot",
            ("VideoLLaMA 3", 0.813),
            ("Qwen 2.5 VL", 0.786),
            ("Video-LLaVA", 0.795),
            ("LLaVA-OV", 0.805),
            ("Face-LLaVA", 0.868),
        ),
        *_each(
            "macc",
            "fine-tuned",
            ("Liu", 0.873),
            ("MOON", 0.909),
            ("SwinFace", 0.913),
            ("Faceptor", 0.914),
            ("DMM-CNN", 0.917),
            ("Face-LLaVA", 0.901),
        ),
    ),
    "ff++": (
        *_each("accuracy", "baseline", ("GPT4o-mini", 0.807), ("Gemini-1.5F", 0.770)),
        *_each(
            "accuracy",
            "zero-shot",
            ("VideoLLaMA 3", 0.793),
            ("Qwen 2.5 VL", 0.653),
            ("Video-LLaVA", 0.697),
            ("LLaVA-Video", 0.751),
            ("Face-LLaVA", 0.845),
        ),
        *_each(
            "accuracy",
            "fine-tuned",
            ("MesoNet", 0.705),
            ("Xception", 0.869),
            ("MARLIN", 0.894),
            ("M2TR", 0.929),
            ("F3-Net", 0.930),
            ("Face-LLaVA", 0.888),
        ),
    ),
}

REASONING_TASKS = ("expression", "action_units", "attributes", "age", "deepfake")
"""Columns of the rows below, and last all of them together."""
CRITERIA = ("consistency_video", "consistency_truth", "completeness")
"""What each row below rates, from 1 to 10: reason and video, reason and ground truth, completeness."""

REASONING: Mapping[str, tuple[tuple[float | None, ...], ...]] = {
    "FaceInstruct-1M's own text": (
        (9.47, 8.52, 9.80, 9.27, 8.85, 9.18),
        (9.70, 8.84, 9.88, 9.55, 9.56, 9.51),
        (9.21, 8.26, 9.75, 9.02, 8.41, 8.93),
    ),
    "VideoLLaMA 3": (
        (5.14, 2.58, 6.90, 5.82, 7.02, 5.49),
        (5.27, 2.06, 6.27, 5.13, 7.64, 5.27),
        (4.90, 2.73, 6.50, 5.37, 6.51, 5.20),
    ),
    "Qwen 2.5 VL": (
        (5.82, 3.02, 5.48, 7.36, 5.48, 5.43),
        (5.96, 2.54, 4.86, 7.02, 5.76, 5.23),
        (5.57, 3.34, 5.21, 6.89, 5.30, 5.26),
    ),
    "Video-LLaVA": (
        (4.31, 2.58, 5.82, 7.79, 6.19, 5.34),
        (4.47, 2.06, 5.28, 7.10, 6.58, 5.10),
        (4.20, 2.73, 5.30, 7.00, 5.84, 5.01),
    ),
    "LLaVA-OV": (
        (7.11, 2.18, 6.08, 7.97, 6.69, 6.01),
        (7.30, 1.95, 5.48, 7.44, 7.33, 5.9),
        (6.67, 2.34, 5.72, 7.52, 6.19, 5.69),
    ),
    "EmoLA": (
        (7.33, 5.17, None, None, None, None),
        (7.58, 5.04, None, None, None, None),
        (6.81, 5.32, None, None, None, None),
    ),
    "Emotion-LLaMA": (
        (6.77, None, None, None, None, None),
        (6.90, None, None, None, None, None),
        (6.50, None, None, None, None, None),
    ),
    "Face-LLaVA": (
        (7.95, 6.90, 8.34, 7.68, 8.56, 7.89),
        (8.14, 6.68, 8.13, 7.53, 9.20, 7.94),
        (7.79, 6.62, 7.89, 7.59, 8.11, 7.60),
    ),
}
"""Table 10, zero-shot, by GPT-4o."""
