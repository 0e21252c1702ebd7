"""The recipe: everything that can change a result, in one value, one file, one hash."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self, cast

from flows.recipe_file import RecipeError, read_config, suggest
from flows.recipe_text import recipe_text
from model.checkpoints.checkpoint import resolve_device, resolve_dtype
from model.checkpoints.identity import CheckpointIdentity, identify_checkpoint
from model.checkpoints.quantization import check_quantization
from model.engines.engine import EngineConfig, check_engine
from model.network.config import FaceLlavaConfig
from model.prompting.asking import check_questions
from model.prompting.questions import DEFAULT_QUESTIONS, Question
from workers.describer import DescriberConfig
from workers.reader import ReaderConfig

RECIPE_VERSION = 8
"""Raised whenever a change of the code changes results under the same settings."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a scan does to a video, from the decoder's sampling to the model's questions.

    Read from TOML; every key is optional and an unknown one is an error. Fields marked
    `changes_results=False` in their metadata (devices, threads) are kept out of the identity.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    tasks: tuple[str, ...] | None = None
    """Names of the questions to ask, in order. Unless it is set all are asked: expression, action_units,
    attributes, age and deepfake, and those of `questions` below."""
    reader: ReaderConfig = field(default_factory=ReaderConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    questions: tuple[Question, ...] = ()
    """The user's own questions, each a table `[[questions]]`; one of a built-in name replaces it."""

    def __post_init__(self) -> None:
        own = [question.name for question in self.questions]
        if len(set(own)) != len(own):
            raise RecipeError(f"questions {', '.join(own)} share a name; give each its own")
        if self.tasks is None:
            return
        for name in self.tasks:
            if name not in self._by_name():
                raise RecipeError(f"no question is called {name}; {suggest(name, list(self._by_name()))}")
        if not self.tasks:
            raise RecipeError("tasks is empty: name at least one question")
        if len(set(self.tasks)) != len(self.tasks):
            raise RecipeError(f"tasks names a question twice: {', '.join(self.tasks)}")

    @property
    def asked(self) -> tuple[Question, ...]:
        """The questions of `tasks`, in order."""
        by_name = self._by_name()
        return tuple(by_name[name] for name in (by_name if self.tasks is None else self.tasks))

    @property
    def unasked(self) -> tuple[str, ...]:
        """The names of the user's own questions that are not asked."""
        return tuple(question.name for question in self.questions if question not in self.asked)

    def _by_name(self) -> dict[str, Question]:
        return {question.name: question for question in (*DEFAULT_QUESTIONS, *self.questions)}

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a recipe from a TOML file.

        Raises:
            RecipeError: the file is missing, is not TOML, or has a key or value that a recipe does not have.
        """
        return read_config(cls, path)

    def pin(self, checkpoint: str) -> "PinnedRecipe":
        """Bind the recipe to a checkpoint's content, and what it leaves open to what it means here and there.

        Everything that could keep the checkpoint from answering the questions shows here, before a worker
        loads it.

        Raises:
            CheckpointError: the checkpoint is not there or cannot be used.
            RecipeError: this machine cannot run it as asked, or this model cannot be asked a question.
        """
        engine = self.engine
        try:
            check_engine(engine)
            reader = replace(self.reader, detector=self.reader.detector.pinned())
            dtype = resolve_dtype(engine.dtype, resolve_device(engine.device))
            identity = identify_checkpoint(
                checkpoint, dtype, branch_scale=engine.branch_scale, cross_attention=engine.cross_attention
            )
            check_quantization(engine.quantization, identity.config.llm)
            check_questions(self.asked, identity.config, identity.directory, engine)
        except ValueError as error:
            raise RecipeError(str(error)) from error
        resolved = replace(self, reader=reader, engine=_resolve(engine, str(dtype), identity.config))
        return PinnedRecipe(resolved, checkpoint, identity)

    def to_toml(self) -> str:
        """Return every setting, explained, as TOML; `Recipe.read` reads it back equal."""
        return recipe_text(self)


@dataclass(frozen=True, slots=True)
class PinnedRecipe:
    """A recipe and the checkpoint that it runs with: what a row of the lake is traced to."""

    recipe: Recipe
    checkpoint: str
    """Directory or hub id: where the weights are, not what they are."""
    identity: CheckpointIdentity

    @property
    def recipe_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces; what `recipe_id` is the hash of."""
        return json.dumps(self._identity(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @property
    def recipe_id(self) -> str:
        """First 16 hex digits of the SHA-256 of `recipe_json`."""
        return hashlib.sha256(self.recipe_json.encode()).hexdigest()[:16]

    def describer(self) -> DescriberConfig:
        """Return what a describer needs to know."""
        return DescriberConfig(
            self.checkpoint, self.identity.fingerprint, self.recipe.asked, self.recipe.engine
        )

    def _identity(self) -> dict[str, Any]:
        recipe = self.recipe
        return {
            "version": RECIPE_VERSION,
            "checkpoint_sha256": self.identity.fingerprint.sha256,
            "is_demonstration": self.identity.is_demonstration,
            "reader": _changing_results(recipe.reader),
            "engine": _changing_results(recipe.engine),
            "questions": [_changing_results(question) for question in recipe.asked],
        }


def _resolve(engine: EngineConfig, dtype: str, network: FaceLlavaConfig) -> EngineConfig:
    """Return the settings with what the checkpoint and the machine make of those left open."""
    kind = network.cross_attention
    return replace(
        engine,
        dtype=cast("Any", dtype.removeprefix("torch.")),
        cross_attention=None if kind == "none" else kind,
        branch_scale=None if kind == "none" else network.branch_scale,
    )


def _changing_results(config: Any) -> Any:
    """Return a config as JSON values, without the fields that cannot change a result."""
    if dataclasses.is_dataclass(config):
        return {
            part.name: _changing_results(getattr(config, part.name))
            for part in dataclasses.fields(config)
            if part.metadata.get("changes_results", True)
        }
    if isinstance(config, tuple | list):
        return [_changing_results(item) for item in cast("list[Any]", config)]
    if isinstance(config, dict):
        return {str(key): _changing_results(value) for key, value in cast("dict[Any, Any]", config).items()}
    return config
