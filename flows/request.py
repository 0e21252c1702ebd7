"""What a scan is asked to do: plain values, so that a deployment can carry them."""

from dataclasses import dataclass, replace
from pathlib import Path

from flows.recipe import Recipe, RecipeError
from workers.fleet import FleetConfig


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
        is_progress_shown: draw bars on standard error.
    """

    archives: tuple[str, ...]
    lake: str
    recipe: str | None = None
    checkpoint: str | None = None
    tasks: tuple[str, ...] | None = None
    limit: int | None = None
    readers: int | None = None
    describers: int | None = None
    is_progress_shown: bool = False

    def read_recipe(self) -> Recipe:
        """Return the recipe with the request's own tasks in it.

        Raises:
            UsageError: the recipe file, or a task, cannot be used.
        """
        try:
            recipe = Recipe.read(Path(self.recipe)) if self.recipe else Recipe()
            return replace(recipe, tasks=self.tasks) if self.tasks is not None else recipe
        except RecipeError as error:
            raise UsageError(str(error)) from error

    def fleet(self) -> FleetConfig:
        """Return how many actors to start."""
        return FleetConfig(readers=self.readers, describers=self.describers)
