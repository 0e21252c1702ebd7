"""Records of runs: what was asked, what was listed, what failed."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Scan:
    """A run; written when it starts and again, with `finished_at`, when it ends.

    Key: scan_id
    """

    scan_id: str
    recipe_id: str
    archives: tuple[str, ...]
    """What was given, as uris of sources are: folders and files, absolute, and `s3://bucket/prefix`."""
    started_at: datetime
    """When it began to list."""
    finished_at: datetime | None
    """None while it runs, and for good when it was killed."""
    sources_listed: int
    """Objects that it listed."""
    sources_planned: int
    """Those of them that had no result under this recipe."""
    software: str
    """JSON object: the versions of Python, and by name of the packages that can touch a result."""


@dataclass(frozen=True, slots=True)
class RecipeRecord:
    """A recipe, whole.

    Key: recipe_id
    """

    recipe_id: str
    recipe_json: str
    """All settings that can change a result, and the model's identity."""
    model_id: str
    is_demonstration: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Source:
    """An observation of a listed object; several per uri, the newest counts.

    Written when a scan lists a new or changed object (`video_id` None), and again when its content is known.

    Key: uri, recipe_id, listed_at
    """

    uri: str
    size_bytes: int | None
    """None where the listing did not say."""
    etag: str | None
    modified_at: datetime | None
    """As the listing says."""
    listed_at: datetime
    """When a scan came across this version of it."""
    scan_id: str
    recipe_id: str
    video_id: str | None = None
    skip_reason: str | None = None
    """Why it was not considered a video at all; None for everything that was."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that failed, or, as attempt 0, was asked to be tried again.

    Key: uri, recipe_id, failed_at
    """

    uri: str
    video_id: str | None
    recipe_id: str
    scan_id: str
    size_bytes: int | None
    etag: str | None
    stage: str
    """list, fetch, decode, detect, describe or commit."""
    error: str
    """Class name of the error."""
    message: str
    """What was wrong, and what to do."""
    attempt: int
    """From 1; 0 where somebody asked for the source to be tried again."""
    is_retryable: bool
    """True when the next scan tries again by itself."""
    is_quarantined: bool
    """True when readers twice died, fell silent or ran out of memory over the source, or describers over its
    clips: left alone until `facesift retry`."""
    failed_at: datetime
    """When the attempt ended."""
