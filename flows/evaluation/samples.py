"""The samples of an evaluation: which, where their pictures are, and a scan of exactly these."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from flows.recipe import PinnedRecipe
from flows.request import ScanRequest, read_recipe
from flows.usage import UsageError
from model.datasets.dataset import Dataset, LayoutError
from model.datasets.sample import Malformed, Sample
from model.network.config import CheckpointError
from storage.archive import Listed, list_sources
from workers.failure import WorkerError
from workers.video.stills import write_film, write_stills


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is to be evaluated.

    Attributes:
        samples: in the dataset's order.
        malformed: everything in the dataset that could not be read, of all splits.
        split: that the samples are of.
        annotated: how many samples each split has, before a limit or a frame step.
    """

    samples: tuple[Sample, ...]
    malformed: tuple[Malformed, ...]
    split: str
    annotated: Mapping[str, int]


def choose(
    dataset: Dataset, root: Path, variant: str, split: str | None, *, limit: int | None, frame_step: int
) -> Chosen:
    """Return the samples of a split.

    Args:
        dataset: which.
        root: its directory.
        variant: reading of it.
        split: `test`, `train`, ...; `all` takes every one, `fold2` those of a fold's test set. None is the
            dataset's own, or all where so few clusters are there that none of them is held out.
        limit: take at most so many, spread over the split by the SHA-256 of their ids.
        frame_step: of samples that are frames of a video, every n-th.

    Raises:
        UsageError: the directory is laid out otherwise, or nothing is in the split.
    """
    every: list[Sample] = []
    malformed: list[Malformed] = []
    try:
        for item in dataset.read(root, variant):
            if isinstance(item, Malformed):
                malformed.append(item)
            else:
                every.append(item)
    except (LayoutError, ValueError) as error:
        raise UsageError(str(error)) from error
    annotated = dict(Counter(sample.split for sample in every).most_common())
    if split is None:
        split = dataset.splits[0]
        if dataset.is_hashed and annotated and split not in annotated:
            split = "all"
    samples = [
        sample
        for sample in every
        if _is_of(sample, dataset, split) and (sample.frame is None or sample.frame % frame_step == 0)
    ]
    if not samples:
        known = ["all", *dataset.splits, *(f"fold{n + 1}" for n in range(dataset.folds))]
        raise UsageError(
            f"{dataset.title} at {root} has no sample of split {split!r} ({len(malformed)} malformed lines); "
            f"its splits are {', '.join(dict.fromkeys(known))}"
        )
    if limit is not None and limit < len(samples):
        kept = {one.sample_id for one in sorted(samples, key=_digest)[:limit]}
        samples = [sample for sample in samples if sample.sample_id in kept]
    return Chosen(tuple(samples), tuple(malformed), split, annotated)


def _is_of(sample: Sample, dataset: Dataset, split: str) -> bool:
    if split == "all":
        return True
    if split.startswith("fold"):
        return f"fold{sample.fold}" == split and sample.split == dataset.splits[0]
    return sample.split == split


def _digest(sample: Sample) -> bytes:
    return hashlib.sha256(sample.sample_id.encode()).digest()


@dataclass(frozen=True, slots=True)
class Located:
    """Where the pictures of samples are.

    Attributes:
        listed: by sample id, as a scan lists its file.
        lacking: by sample id, why there is no file.
    """

    listed: dict[str, Listed]
    lacking: dict[str, str]


def locate(samples: Sequence[Sample], media_dir: Path, on_step: Callable[[str], None]) -> Located:
    """Find every sample's file.

    Frames of videos are written as pictures, and pictures of a video as one; both stay for the next run, as
    long as what they are from is the same.

    Args:
        samples: which.
        media_dir: where such pictures and videos go.
        on_step: told what is being done.

    Raises:
        OSError: the folder does not take a picture.
    """
    on_step(f"looking for the files of {len(samples):,} samples")
    files: dict[str, Path] = {}
    lacking: dict[str, str] = {}
    frames: defaultdict[Path, list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.frame is not None and sample.kind == "video":
            frames[sample.media].append(sample)
            continue
        try:
            files[sample.sample_id] = _file_of(sample, media_dir)
        except (OSError, WorkerError) as error:
            lacking[sample.sample_id] = str(error)
    for video, of_video in frames.items():
        on_step(f"taking {len(of_video)} frames of {video.name}")
        stills, reason = _stills_of(video, of_video, media_dir)
        files |= stills
        lacking |= {one.sample_id: reason for one in of_video if one.sample_id not in stills}
    listed: dict[str, Listed] = {}
    for sample_id, path in files.items():
        if path.is_file():
            (listed[sample_id],) = list_sources([str(path)])
        else:
            lacking[sample_id] = f"{path} is not there"
    return Located(listed, lacking)


def _file_of(sample: Sample, media_dir: Path) -> Path:
    media = sample.media
    if sample.fps is None or not media.is_dir():
        return media
    version = _version_of(*sorted(media.glob("*.jpg")))
    film = media_dir / media.parent.name / f"{media.name}-{version}.mkv"
    write_film(media, film, sample.fps)
    return film


def _stills_of(video: Path, samples: Sequence[Sample], media_dir: Path) -> tuple[dict[str, Path], str]:
    """Return the pictures of the samples that are there now, and why the others are not."""
    if not video.exists():
        return {}, f"{video} is not there"
    frames = {one.sample_id: one.frame for one in samples if one.frame is not None}
    try:
        version = _version_of(video)
    except OSError as error:
        return {}, str(error)
    folder = media_dir / f"{video.stem}-{version}"
    stills = {frame: folder / f"{frame:06d}.png" for frame in frames.values()}
    try:
        found = write_stills(video, stills)
    except WorkerError as error:
        return {}, str(error)
    kept = {sample_id: stills[frame] for sample_id, frame in frames.items() if frame in found}
    return kept, "the video has no such frame"


def _version_of(*paths: Path) -> str:
    """Return what files of other names, sizes or times of change do not have: 12 hex digits."""
    states = ((path.name, path.stat()) for path in paths)
    seen = [(name, state.st_size, state.st_mtime_ns) for name, state in states]
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class SampleScan(ScanRequest):
    """A scan of the files of samples, and of nothing else.

    Attributes:
        listed: the files; `archives` only names the dataset.
        pinned: the recipe, bound already.
    """

    listed: tuple[Listed, ...] = ()
    pinned: PinnedRecipe | None = None

    def list_sources(self) -> Iterator[Listed]:
        """Return the files, each once."""
        return iter({one.uri: one for one in self.listed}.values())

    def pin(self) -> PinnedRecipe:
        """Return the recipe."""
        assert self.pinned is not None
        return self.pinned


def evaluation_recipe(
    path: str | None, tasks: tuple[str, ...], checkpoint: str, *, has_text: bool, is_whole_picture: bool
) -> PinnedRecipe:
    """Return the recipe of an evaluation: a scan's, asking what the dataset is for.

    Raises:
        UsageError: the recipe or the checkpoint cannot be used.
    """
    recipe = read_recipe(path, tasks)
    if not has_text:
        silent = tuple(replace(question, rationale=False) for question in recipe.asked)
        others = tuple(one for one in recipe.questions if one.name not in tasks)
        recipe = replace(recipe, questions=(*others, *silent))
    if is_whole_picture:
        detector = replace(recipe.reader.detector, backend="whole_picture", pack=None, pack_sha256=None)
        recipe = replace(recipe, reader=replace(recipe.reader, detector=detector))
    try:
        return recipe.pin(checkpoint)
    except CheckpointError as error:
        raise UsageError(str(error)) from error
