"""The catalog: a lake's tables and the views of sql/ in DuckDB."""
# pyright: reportUnknownParameterType=false
# pyarrow comes without types.

import glob
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, TypeVar

import duckdb
import pyarrow as pa

from storage.lake import LakeError
from storage.records import VOCABULARY
from storage.statements import Statement, check_statements, view_statements
from storage.tables import Column, Table, TableFiles, tables

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,  # nothing comes from the network
    "autoload_known_extensions": False,
}

Answer = TypeVar("Answer")


class QueryError(ValueError):
    """What was given as a query is no single statement that only reads."""


class Snapshots(Protocol):
    """Whatever knows the current files of every table: a lake."""

    def snapshot(self) -> Mapping[str, TableFiles]:
        """Return the files of every table by its name."""
        ...


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """A column of a view, its DuckDB type, and the sentence that explains it (may be empty)."""

    name: str
    sql_type: str
    doc: str


@dataclass(frozen=True, slots=True)
class View:
    """A view: what a row of it is, the columns that tell rows apart, and all columns."""

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[ViewColumn, ...]


class Catalog:
    """SQL over a lake: the views of sql/ in schema `main`, the tables as committed in schema `raw`.

    Args:
        lake: whose tables.

    Example:
        >>> Catalog(Lake.open("/data/lake")).query("select * from coverage")  # doctest: +SKIP
    """

    def __init__(self, lake: Snapshots) -> None:
        self._lake = lake

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Return a new DuckDB database in memory, with the lake as it is now; later commits are not in it.

        Times are in UTC. It is a whole DuckDB: what is done to its tables and views changes no lake, but
        `copy` writes files wherever it is told to.

        Raises:
            LakeError: a table, or a file of one, cannot be read.
        """
        connection = duckdb.connect(":memory:", config=_SETTINGS)
        connection.execute("set timezone = 'UTC'; set parquet_metadata_cache = true")
        connection.execute("create schema raw; create schema checks")
        # The views are made over empty tables: over the files, each would open all that it can reach.
        _no_lake().refresh(connection)
        for view in view_statements():
            _create(connection, "main", view)
        for check in check_statements():
            _create(connection, "checks", check)
        self.refresh(connection)
        return connection

    def frozen(self) -> "Catalog":
        """Return a catalog of the lake as it is now: all that is asked of it is of one moment."""
        return Catalog(_OneMoment(self._lake.snapshot()))

    def refresh(
        self, connection: duckdb.DuckDBPyConnection, snapshot: Mapping[str, TableFiles] | None = None
    ) -> None:
        """Show the lake as it is now, or was at a snapshot, in a connection that `connect` returned."""
        if snapshot is not None:
            self._show(connection, snapshot)
            return
        try:
            self._show(connection, self._lake.snapshot())
        except LakeError:  # an erasure on demand may have removed a file since
            self._show(connection, self._lake.snapshot())

    def _show(self, connection: duckdb.DuckDBPyConnection, snapshot: Mapping[str, TableFiles]) -> None:
        uris = (uri for files in snapshot.values() for uri in files.uris)
        if (uri := next(uris, "")).startswith("s3://"):
            # boto3 takes half a second to import.
            from storage.s3 import Address, open_in_duckdb  # noqa: PLC0415

            open_in_duckdb(connection, Address.of(uri).bucket)
        for name, files in snapshot.items():
            create = f"create or replace view raw.{name} as"
            try:
                try:
                    connection.execute(f"{create} {_raw_select(tables()[name], files)}")
                except duckdb.BinderException:
                    # An old table has got a column, and every file with it is gone again.
                    connection.execute(f"{create} {_raw_select(tables()[name], files, is_filled=True)}")
            except duckdb.Error as error:
                reason = str(error).partition("\n")[0]
                raise LakeError(
                    f"cannot read a file of table {name}: {reason}; restore access, or the file from a copy"
                ) from error

    def query(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> pa.Table:
        """Run one statement that reads over the lake as it is now and return its rows.

        Args:
            sql: DuckDB SQL, `?` or `$name` for parameters. It may read other files too, those of the user.
            parameters: their values.

        Raises:
            QueryError: it is not one statement, or does something else than to read.
            duckdb.Error: the statement is wrong.
            LakeError: a file of the lake cannot be read.
        """

        def ask(connection: duckdb.DuckDBPyConnection) -> pa.Table:
            connection.execute("set lock_configuration = true")
            _check_reading(connection, sql)
            return connection.execute(sql, parameters).to_arrow_table()

        return self._asked(ask)

    def view(self, name: str, **equal_to: Any) -> pa.Table:
        """Return the rows of a view in which columns have the given values.

        Example:
            >>> catalog.view("coverage", recipe_id=recipe_id)  # doctest: +SKIP
        """
        where = " and ".join(f'"{column}" = ${column}' for column in equal_to) or "true"
        return self.query(f'select * from "{name}" where {where}', equal_to)  # noqa: S608 - names from our code

    def run_checks(self) -> dict[str, int]:
        """Return for every check how many rows offend it; 0 where all is well.

        The rows themselves are in the view of the same name in schema `checks`.
        """
        return self._asked(
            lambda connection: {check.name: _count(connection, check) for check in check_statements()}
        )

    def _asked(self, ask: Callable[[duckdb.DuckDBPyConnection], Answer]) -> Answer:
        """Ask the lake; once more, as it is then, when an erasure on demand has removed a file meanwhile."""
        try:
            with self.connect() as connection:
                return ask(connection)
        except (duckdb.IOException, LakeError):
            with self.connect() as connection:
                return ask(connection)


@cache
def describe_views() -> tuple[View, ...]:
    """Return the views of every lake, by name, with the documentation of their columns.

    A column that a view makes is explained in its SQL, any other one where it comes from: in the record of a
    table, or in the first view that has it.
    """
    docs = {f"raw.{name}": {one.name: one.doc for one in table.columns} for name, table in tables().items()}
    views: list[View] = []
    with _no_lake().connect() as connection:
        for view in view_statements():
            known = dict(VOCABULARY)
            for source in reversed(view.sources):
                known.update(docs.get(source, {}))
            known.update(view.docs)
            rows = connection.execute(f"describe {view.name}").fetchall()
            docs[view.name] = {name: known.get(name, "") for name, *_ in rows}
            columns = [ViewColumn(name, kind.lower(), docs[view.name][name]) for name, kind, *_ in rows]
            views.append(View(view.name, view.grain, view.key, tuple(columns)))
    return tuple(sorted(views, key=lambda view: view.name))


class _OneMoment:
    def __init__(self, files: Mapping[str, TableFiles]) -> None:
        self._files = files

    def snapshot(self) -> Mapping[str, TableFiles]:
        return self._files


def _check_reading(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Raise QueryError unless the SQL is one statement that only reads, by DuckDB's own parser.

    A `pivot` is several to it, those that it adds without a text: a type of the new columns' names is made
    first, within a transaction where that is not for a select.
    """
    kinds = duckdb.StatementType
    given = [one for one in connection.extract_statements(sql) if one.query or one.type != kinds.TRANSACTION]
    found = [one for one in given if one.query or one.type != kinds.CREATE] or given[-1:]
    if not found:
        raise QueryError("there is no statement in this SQL; give one, such as: from coverage")
    if len(found) > 1:
        raise QueryError(f"there are {len(found)} statements in this SQL; give them one at a time")
    kind = found[0].type
    if kind == kinds.EXPLAIN:
        # `explain analyze` runs what it explains.
        _check_reading(connection, _explained(connection, sql))
    elif kind != kinds.SELECT:
        raise QueryError(
            f"a query only reads, and this is {kind.name.replace('_', ' ')}; give a select (with, from, "
            "values, pivot), describe, summarize, show or explain"
        )


def _explained(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """Return the statement behind `explain` and its options: the first rest of it that is another one."""
    for start, _ in duckdb.tokenize(sql):
        rest = sql.encode()[start:].decode(errors="replace")  # tokens begin at bytes
        with suppress(duckdb.ParserException):
            kinds = {one.type for one in connection.extract_statements(rest)}
            if kinds and duckdb.StatementType.EXPLAIN not in kinds:
                return rest
    return ""


def _no_lake() -> Catalog:
    return Catalog(_OneMoment({name: TableFiles(frozenset(), ()) for name in tables()}))


def _create(connection: duckdb.DuckDBPyConnection, schema: str, statement: Statement) -> None:
    connection.execute(f"create view {schema}.{statement.name} as {statement.select}")
    connection.execute(f"comment on view {schema}.{statement.name} is {quoted(statement.grain)}")


def _count(connection: duckdb.DuckDBPyConnection, check: Statement) -> int:
    row = connection.execute(f"select count(*) from checks.{check.name}").fetchone()  # noqa: S608 - a file's name
    return row[0] if row else 0


def _raw_select(table: Table, files: TableFiles, *, is_filled: bool = False) -> str:
    """Return the select over a table's files; a column that the table has not got yet is null.

    Args:
        table: which.
        files: of it.
        is_filled: true where no file has some column of the table; costs a query more than the plain form.
    """
    columns = ", ".join(_selected(column, files) for column in table.columns)
    if not files.uris:
        return f"select {columns} where false"
    # Names of files are patterns to DuckDB. Files of different age may lack different columns.
    uris = ", ".join(quoted(glob.escape(uri)) for uri in files.uris)
    rows = f"read_parquet([{uris}], union_by_name = true, hive_partitioning = false)"
    if is_filled:
        nothing = _raw_select(table, TableFiles(files.columns, ()))
        rows = f"({nothing} union all by name from {rows})"
    return f"select {columns} from {rows}"  # noqa: S608


def _selected(column: Column, files: TableFiles) -> str:
    if files.uris and column.name in files.columns:
        return f'"{column.name}"'
    return f'null::{column.sql_type} as "{column.name}"'


def quoted(text: str) -> str:
    """Return text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"
