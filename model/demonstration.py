"""Small Face-LLaVAs in the official layout: the one that comes with facesift, and untrained ones.

The first has learned from rendered faces and knows nothing else (`flows.training.demonstration` made it); an
untrained one runs everything that the real one runs, in milliseconds, and knows nothing. Both say so. Their
tokenizer is an asset; `train_tokenizer` made it from the questions' own words.
"""

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import sentencepiece
import torch
from torch import nn

from model.checkpoints.checkpoint import save_checkpoint
from model.network.config import FaceLlavaConfig, LlmConfig, TowerConfig
from model.network.face_llava import FaceLlava
from model.prompting.prompts import TEMPLATES
from model.prompting.questions import DEFAULT_QUESTIONS
from model.scoring import closed_prompts
from model.training.mimetic import begin_mimetic, begin_near

DEMONSTRATION_PATH = Path(__file__).parent / "assets" / "demonstration"
"""Of the checkpoint that comes with facesift: `facesift train --stage demonstration` made it."""
TOKENIZER_PATH = DEMONSTRATION_PATH / "tokenizer.model"
_PIECES = 1024

UNTRAINED_CONFIG = FaceLlavaConfig(
    llm=LlmConfig(
        vocab_size=_PIECES,
        hidden_size=128,
        intermediate_size=352,
        layers=2,
        heads=4,
        kv_heads=4,
        max_positions=4096,
    ),
    image_tower=TowerConfig(hidden_size=96, intermediate_size=384, layers=4, heads=4, image_size=112),
    video_tower=TowerConfig(
        hidden_size=96,
        intermediate_size=384,
        layers=4,
        heads=4,
        image_size=112,
        frames=8,
        has_temporal_attention=True,
    ),
    is_marked_demonstration=True,
)
"""Of untrained checkpoints: 8 x 65 visual tokens of a clip, 64 of a picture."""

DEMONSTRATION_CONFIG = FaceLlavaConfig(
    llm=LlmConfig(
        vocab_size=_PIECES,
        hidden_size=160,
        intermediate_size=432,
        layers=3,
        heads=5,
        kv_heads=5,
        max_positions=4096,
    ),
    image_tower=TowerConfig(hidden_size=160, intermediate_size=640, layers=6, heads=5, image_size=112),
    video_tower=TowerConfig(
        hidden_size=160,
        intermediate_size=640,
        layers=6,
        heads=5,
        image_size=112,
        frames=8,
        has_temporal_attention=True,
    ),
    is_marked_demonstration=True,
)
"""Of the one that has learned: 5 million parameters, 10 MB in half precision; five layers of a tower act."""

_EXPLANATIONS = """
The lip corners are pulled up and back, and the cheeks are raised.
The inner brows are raised and the lip corners are lowered.
The brows are lowered and drawn together, the lids are tightened and the lips are pressed.
The brows are raised, the eyes are wide open and the jaw is dropped.
The nose is wrinkled and the upper lip is raised.
The eyes are wide open and the lips are stretched.
The face is relaxed and no muscle is visibly active.
The skin is smooth and there are no wrinkles around the eyes.
There are deep lines around the mouth and the eyes, and the hair is gray.
The texture of the skin flickers and the edges of the face do not match the background.
The lighting, the shadows and the movement of the face are natural and consistent across the frames.
The person shows happiness rather than sadness, because the mouth is smiling.
The expression changes from neutral to surprise in the video.
The person in the image looks about 25 years old, 40 years old, 63 years old, 7 years old, 1 year old.
Fake video. Real video. Fake: Real: Yes. No. not without because and but with the of a an is are it this that
""".strip().splitlines()


def write_untrained_checkpoint(directory: Path, seed: int = 0) -> Path:
    """Write a checkpoint of random weights, about 7 MB, and return its directory.

    The same seed gives the same bytes.
    """
    generator = torch.Generator().manual_seed(seed)
    model = FaceLlava(UNTRAINED_CONFIG)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            if parameter.ndim > 1:
                # Keeps the size of activations through a linear layer.
                fan_in = parameter[0].numel() if "embed" not in name else 1
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * fan_in**-0.5)
            else:
                parameter.fill_(0.0 if name.endswith("bias") else 1.0)
    return save_demonstration(model, directory)


def draw_learner(config: FaceLlavaConfig, seed: int) -> FaceLlava:
    """Return a Face-LLaVA with the weights that learning begins with."""
    torch.manual_seed(seed)
    model = FaceLlava(config)
    for name, parameter in model.named_parameters():
        if "_tower." in name and (parameter.ndim > 1 or "class_embedding" in name):
            nn.init.trunc_normal_(parameter, std=0.02)
        elif "_tower." in name and name.endswith("bias"):
            nn.init.zeros_(parameter)
    generator = torch.Generator().manual_seed(seed)
    for tower in (model.image_tower, model.video_tower):
        if tower is not None:
            begin_mimetic(tower, generator)
    begin_near(model.llm, config.llm, generator)
    return model


def save_demonstration(model: FaceLlava, directory: Path) -> Path:
    """Write a model with the demonstration's tokenizer as a checkpoint, and return its directory."""
    save_checkpoint(model, directory)
    shutil.copyfile(TOKENIZER_PATH, directory / "tokenizer.model")
    legacy = {"tokenizer_class": "LlamaTokenizer", "legacy": False}
    (directory / "tokenizer_config.json").write_text(json.dumps(legacy, indent=2) + "\n", encoding="utf-8")
    return directory


def train_tokenizer(path: Path) -> None:
    """Train a Llama-style tokenizer on the words of prompts, labels and explanations, and write it to `path`.

    Byte-pair pieces, bytes for what is unknown, single digits, no normalisation, a dummy space in front.
    """
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=_sentences(),
        model_writer=model,
        vocab_size=_PIECES,
        model_type="bpe",
        byte_fallback=True,
        split_digits=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True,
        character_coverage=1.0,
        num_threads=1,
        minloglevel=2,
    )
    path.write_bytes(model.getvalue())


def _sentences() -> Iterator[str]:
    yield from _EXPLANATIONS
    for template in TEMPLATES.values():
        yield template.question(1, "")
    for question in DEFAULT_QUESTIONS:
        yield question.prompt
        for label in question.labels:
            yield ", ".join(label.words())
            yield f"The person shows {label.asked_as()}."
        for prompt in closed_prompts(question):
            yield prompt.prompt
            yield from (answer for answers in prompt.answers for answer in answers)
