"""What a scan is asked to do: plain values, so that a deployment can carry them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from flows.calibrate import apply_card
from flows.display.progress import ProgressKind
from flows.recipe import PinnedRecipe, Recipe
from flows.usage import UsageError
from model.demonstration import DEMONSTRATION_PATH
from model.network.config import CheckpointError
from storage.archive import ArchiveError, Listed, Patterns, UnreachableArchiveError, list_sources
from storage.backlog import Backlog
from storage.lake import Lake, LakeError, UnreachableLakeError
from storage.listing import has_password
from storage.records import Calibration
from workers.fleet import FleetConfig

_FLEET = FleetConfig()


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """The parameters of `flows.scan.scan`.

    Attributes:
        archives: files and folders.
        lake: folder of the lake; made when absent.
        recipe: path of a TOML file; None means every default.
        checkpoint: directory or hub id; None means the demonstration checkpoint.
        tasks: overrides the recipe's.
        include: patterns of names or uris, see `storage.patterns.Patterns`; none means everything.
        exclude: patterns of what is left out.
        limit: read at most so many videos; the rest stays pending.
        readers: reader actors at most; None makes one per CPU.
        describers: describer actors at most; None makes one per GPU, or one.
        min_readers: go on with so many; the others start when there is a place for them. None waits for all
            of them here, and for one on a cluster.
        min_describers: the same of describers.
        gpu_share: GPUs that a describer claims, a part of one or several; None lets the describers share what
            there is.
        queued_batches: batches of clips that may wait per describer before the readers pause.
        stall_s: a reader or describer that gives no sign of life for so long is killed.
        ray: `http://HEAD:8265`, the job server of a cluster that is to do it; `auto` inside such a job; None
            starts a Ray of its own here.
        backlog: scan not what the archives list now, of which there are none then, but what the lake knows of
            them.
        run_key: names the run that is asked of a cluster, such as a night: one of this name that has ended
            well is not run again.
        profile: file to write a trace to, on the machine of the driver.
        log: file to write a log to, on the machine of the driver; `-` is standard error.
        calibration: a calibration card, as its JSON: findings of this recipe in the lake get likelihood
            ratios and verdicts by it. Scores stay as they are.
        progress: how it shows on standard error.

    Raises:
        UsageError: there is no such cluster address or number of workers, or a place has a password in it.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    archives: tuple[str, ...]
    lake: str
    recipe: str | None = None
    checkpoint: str | None = None
    tasks: tuple[str, ...] | None = None
    limit: int | None = None
    readers: int | None = None
    describers: int | None = None
    progress: ProgressKind = "none"
    min_readers: int | None = None
    min_describers: int | None = None
    gpu_share: float | None = None
    queued_batches: int = _FLEET.queued_batches
    stall_s: float = _FLEET.stall_s
    backlog: Backlog | None = None
    ray: str | None = None
    run_key: str | None = None
    profile: str | None = None
    log: str | None = None
    calibration: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for place in (*self.archives, self.lake, self.ray or ""):
            if has_password(place):  # and so it is not repeated here either
                scheme = place.partition("://")[0]
                raise UsageError(
                    f"a {scheme}:// address has a password in it; leave it out and use the credentials' own "
                    "places, such as AWS_ACCESS_KEY_ID or a profile"
                )
        if self.ray is not None and self.ray != "auto" and not self.is_remote:
            raise UsageError(
                f"--ray {self.ray}: give the address of a cluster's job server, http://HEAD:8265. A Ray "
                "client (ray://) would take the scan along when its connection breaks"
            )
        for name, least, most in (
            ("readers", self.min_readers, self.readers),
            ("describers", self.min_describers, self.describers),
        ):
            if least is not None and (most is None or not 1 <= least <= most):
                raise UsageError(f"{name} {least}:{most}: give MIN:MAX with 1 <= MIN <= MAX")
        if self.gpu_share is not None and not _is_share(self.gpu_share):
            raise UsageError(
                f"a describer cannot claim {self.gpu_share:g} GPUs; give a part of 1, or 1, 2, ..."
            )
        if self.queued_batches < 1 or not self.stall_s > 0:
            raise UsageError(
                f"queued_batches is {self.queued_batches} and stall_s {self.stall_s:g}; give at least "
                "1 batch, and a time above 0"
            )

    @property
    def is_remote(self) -> bool:
        """Whether a job on a cluster does it."""
        return self.ray is not None and self.ray.startswith(("http://", "https://"))

    def check(self) -> None:
        """Check all that can be checked before anything starts; of what a cluster does, what is here.

        Raises:
            UsageError: an archive, the lake, the recipe, a task or the checkpoint cannot be used, or a file
                to write a log or a trace to.
        """
        if self.is_remote:
            self.read_recipe()
            return
        self._check_files()
        self.open_lake()  # first: a listing looks at its folder, to leave it out
        self.list_sources()
        self.calibration_row(self.pin())

    def _check_files(self) -> None:
        for path in (self.log if self.log != "-" else None, self.profile):
            if path is not None:
                try:
                    Path(path).open("ab").close()
                except OSError as error:
                    raise UsageError(f"cannot write {path}: {error.strerror}") from error

    def list_sources(self) -> Iterator[Listed]:
        """Return the listing of the archives, without the lake where it lies in one of them; or the backlog.

        Raises:
            UsageError: there is no such archive, or no lake with a backlog.
            UnreachableArchiveError: there is no answer whether there is.
        """
        if self.backlog is not None:
            lake = self.open_lake()
            if not lake.exists:
                raise UsageError(f"there is no lake at {self.lake}; a backlog is that of a lake")
            return self.backlog.sources(lake)
        try:
            patterns = Patterns(self.include, self.exclude)
            return list_sources(self.archives, exclude=[self.lake], patterns=patterns)
        except UnreachableArchiveError:
            raise
        except ArchiveError as error:
            raise UsageError(str(error)) from error

    def open_lake(self) -> Lake:
        """Return the lake; it is made by the first write.

        Raises:
            UsageError: its folder holds something else.
            UnreachableLakeError: its disk or S3 does not answer.
        """
        try:
            return Lake(self.lake)
        except UnreachableLakeError:
            raise
        except LakeError as error:
            raise UsageError(str(error)) from error

    def pin(self) -> PinnedRecipe:
        """Return the recipe, with the request's own tasks in it, bound to the checkpoint's content.

        Raises:
            UsageError: the recipe, a task or the checkpoint cannot be used.
        """
        return pin_recipe(self.recipe, self.tasks, self.checkpoint)

    def calibration_row(self, pinned: PinnedRecipe) -> Calibration | None:
        """Return the row that applies the card to the recipe's scores, or None without a card.

        Raises:
            UsageError: it is no card, or one for other scores.
        """
        if self.calibration is None:
            return None
        return apply_card(self.calibration, pinned)

    def read_recipe(self) -> Recipe:
        """Return the recipe with the request's own tasks in it.

        Raises:
            UsageError: the recipe or a task cannot be used.
        """
        return read_recipe(self.recipe, self.tasks)

    def fleet(self) -> FleetConfig:
        """Return how many actors to start, and where."""
        return FleetConfig(
            readers=self.readers,
            describers=self.describers,
            min_readers=self.min_readers,
            min_describers=self.min_describers,
            gpu_share=self.gpu_share,
            queued_batches=self.queued_batches,
            stall_s=self.stall_s,
            is_cluster=self.ray == "auto",
        )


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
        return read_recipe(path, tasks).pin(checkpoint or str(DEMONSTRATION_PATH))
    except CheckpointError as error:
        raise UsageError(str(error)) from error


def read_recipe(path: str | None, tasks: tuple[str, ...] | None) -> Recipe:
    """Return a recipe that is not bound to a checkpoint yet.

    Args:
        path: of a TOML file; None means every default.
        tasks: instead of the recipe's.

    Raises:
        UsageError: the recipe or a task cannot be used, or a question stands in the recipe for nothing.
    """
    recipe = Recipe.read(Path(path)) if path else Recipe()
    if tasks is not None:
        return replace(recipe, tasks=tasks)
    if recipe.unasked:
        raise UsageError(
            f"{path}: {', '.join(recipe.unasked)} would never be asked; name it in tasks, or leave tasks out "
            "to ask every question"
        )
    return recipe


def _is_share(gpus: float) -> bool:
    """Say whether Ray can hand out so many GPUs: a part of one, or whole ones."""
    return 0.0 < gpus <= 1.0 or (gpus > 1.0 and gpus == int(gpus))
