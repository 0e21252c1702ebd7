"""What a scan is asked to do: plain values, so that a deployment can carry them."""

import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from platformdirs import user_cache_path

from flows.progress import ProgressKind
from flows.recipe import PinnedRecipe, Recipe, RecipeError
from model.config import CheckpointError
from model.demonstration import write_demonstration_checkpoint
from storage.archive import ArchiveError, Listed, list_sources
from storage.lake import Lake, LakeError
from workers.fleet import FleetConfig

DEMONSTRATION_VERSION = 1
"""Raised when the demonstration checkpoint changes, so that an old one in the cache is not taken for it."""


class UsageError(ValueError):
    """The request itself is at fault, not a video: nothing was read and nothing was written."""


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """The parameters of `flows.scan.scan`.

    Attributes:
        archives: files and folders.
        lake: folder of the lake; made when absent.
        recipe: path of a TOML file; None means every default.
        checkpoint: directory or hub id; None means the demonstration checkpoint.
        tasks: overrides the recipe's.
        limit: read at most so many videos; the rest stays pending.
        readers: reader actors; None makes one per CPU.
        describers: describer actors; None makes one per GPU, or one.
        progress: how it shows on standard error.
    """

    archives: tuple[str, ...]
    lake: str
    recipe: str | None = None
    checkpoint: str | None = None
    tasks: tuple[str, ...] | None = None
    limit: int | None = None
    readers: int | None = None
    describers: int | None = None
    progress: ProgressKind = "none"

    def check(self) -> None:
        """Check all that can be checked before anything starts.

        Raises:
            UsageError: an archive, the lake, the recipe, a task or the checkpoint cannot be used.
        """
        self.list_sources()
        self.open_lake()
        self.pin()

    def list_sources(self) -> Iterator[Listed]:
        """Return the listing of the archives, without the lake where it lies in one of them.

        Raises:
            UsageError: there is no such archive.
        """
        try:
            return list_sources(self.archives, exclude=[self.lake])
        except ArchiveError as error:
            raise UsageError(str(error)) from error

    def open_lake(self) -> Lake:
        """Return the lake; it is made by the first write.

        Raises:
            UsageError: its folder holds something else.
        """
        try:
            return Lake(self.lake)
        except LakeError as error:
            raise UsageError(str(error)) from error

    def pin(self) -> PinnedRecipe:
        """Return the recipe, with the request's own tasks in it, bound to the checkpoint's content.

        Raises:
            UsageError: the recipe, a task or the checkpoint cannot be used.
        """
        return pin_recipe(self.recipe, self.tasks, self.checkpoint)

    def fleet(self) -> FleetConfig:
        """Return how many actors to start."""
        return FleetConfig(readers=self.readers, describers=self.describers)


def pin_recipe(path: str | None, tasks: tuple[str, ...] | None, checkpoint: str | None) -> PinnedRecipe:
    """Return a recipe bound to a checkpoint's content.

    Args:
        path: of a TOML file; None means every default.
        tasks: instead of the recipe's.
        checkpoint: directory or hub id; None means the demonstration checkpoint.

    Raises:
        UsageError: the recipe, a task or the checkpoint cannot be used.
    """
    try:
        recipe = Recipe.read(Path(path)) if path else Recipe()
        if tasks is not None:
            recipe = replace(recipe, tasks=tasks)
        return recipe.pin(checkpoint or default_checkpoint())
    except (RecipeError, CheckpointError) as error:
        raise UsageError(str(error)) from error


def default_checkpoint() -> str:
    """Return the directory of the demonstration checkpoint; it is made in the user's cache when missing."""
    directory = user_cache_path("facesift") / f"demonstration-{DEMONSTRATION_VERSION}"
    if not directory.exists():
        part = directory.with_name(f"{directory.name}.{uuid.uuid4().hex}.part")
        write_demonstration_checkpoint(part)
        try:
            part.rename(directory)
        except OSError:  # another process was faster
            shutil.rmtree(part)
    return str(directory)
