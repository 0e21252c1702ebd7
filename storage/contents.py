"""Contents: what a lake knows of them under one recipe, whichever sources hold them.

A million of them must not become a million Python objects: ids lie in Arrow's memory, the rest where DuckDB
keeps it.
"""
# pyright: reportUnknownMemberType=false
# pyarrow comes without types.

from bisect import bisect_left
from collections.abc import Container
from dataclasses import fields
from typing import Any

import duckdb

from storage.records import Failure

_COLUMNS = ", ".join(field.name for field in fields(Failure))
_DONE = """
select video_id from raw.videos where recipe_id = $recipe_id
union
-- What was erased on demand is not read again: to be listed is all the end that its source gets.
select video_id from forgotten
"""
_LOST = f"""
create or replace temp table lost as
select {_COLUMNS}
from failures
where recipe_id = $recipe_id and video_id is not null
qualify
    row_number() over (partition by video_id order by failed_at desc, attempt desc) = 1
    and not is_retryable
"""  # noqa: S608 - names of a record
_LOST_ONE = f"select {_COLUMNS} from lost where video_id = ?"  # noqa: S608 - names of a record


class VideoIds(Container[str]):
    """A set of contents: 70 bytes each, found by halving.

    Args:
        connection: in which `select` is run.
        select: SQL that gives `video_id`, each once.
        parameters: of `select`.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, select: str, **parameters: str) -> None:
        sorted_ids = connection.execute(f"select video_id from ({select}) order by video_id", parameters)  # noqa: S608
        self._ids: Any = sorted_ids.to_arrow_table()["video_id"].combine_chunks()

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, video_id: object) -> bool:
        place = bisect_left(range(len(self)), str(video_id), key=self._at)
        return place < len(self) and self._at(place) == video_id

    def _at(self, place: int) -> str:
        return self._ids[place].as_py()


class FinalFailures(Container[str]):
    """The contents that failed finally under a recipe, and how: the newest failure of each decides.

    Args:
        connection: in which they are kept and looked up.
        recipe_id: of the recipe.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, recipe_id: str) -> None:
        connection.execute(_LOST, {"recipe_id": recipe_id})
        self._connection = connection
        self._ids = VideoIds(connection, "from lost")

    def __contains__(self, video_id: object) -> bool:
        return video_id in self._ids

    def __getitem__(self, video_id: str) -> Failure:
        row = self._connection.execute(_LOST_ONE, [video_id]).fetchone()
        if row is None:
            raise KeyError(video_id)
        return Failure(*row)


def finished_contents(connection: duckdb.DuckDBPyConnection, recipe_id: str) -> VideoIds:
    """Return the contents that have a result under a recipe, or were forgotten.

    Args:
        connection: one that `Catalog.connect` returned.
        recipe_id: of the recipe.
    """
    return VideoIds(connection, _DONE, recipe_id=recipe_id)
