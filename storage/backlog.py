"""The backlog: what a lake knows of its archives, listed again without asking them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from storage.catalog import Catalog
from storage.lake import Lake
from storage.listing import Listed, Take
from storage.patterns import meant_by

_BATCH = 10_000

_SOURCES = """
with

judged as (
    select
        *,
        -- under whichever recipe: what failed does not stand in the way of the others
        bool_or(status = 'failed') over (partition by uri) as has_failed
    from listings
)

select uri, size_bytes, etag, modified_at
from judged
qualify row_number() over (partition by uri order by listed_at desc, recipe_id) = 1
    -- else it is none that is read, or none at all
    and status <> 'skipped'
    and failure_stage is distinct from 'list'
order by has_failed, modified_at {direction} nulls last, uri
"""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Which sources of a lake, and which of them first."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    first: Literal["oldest", "newest"] = "oldest"
    """By the time of their last change."""
    source: str | None = None
    """Pattern, as `*/2025/*.mp4`, or a whole uri; see `storage.patterns.meant_by`. None takes all."""

    def sources(self, lake: Lake) -> Iterator[Listed]:
        """Yield the newest known version of every source that was taken for a video once."""
        direction = {"oldest": "asc", "newest": "desc"}[self.first]
        with Catalog(lake).connect() as connection:

            def is_source(uri: str) -> bool:
                known = "select 1 from raw.sources where uri = ? limit 1"
                return bool(connection.execute(known, [uri]).fetchall())

            is_meant = meant_by(self.source or "*", is_source)
            rows = connection.execute(_SOURCES.format(direction=direction)).to_arrow_reader(_BATCH)
            for batch in rows:
                for row in batch.to_pylist():
                    if is_meant(row["uri"]):
                        yield Listed(**row, fate=Take())
