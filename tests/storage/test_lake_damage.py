"""Lakes that are damaged, locked, or caught in the middle of being made."""

import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.catalog import Catalog
from storage.lake import Lake, LakeError
from storage.store import FolderStore
from tests.storage.rows import recipe, source, video


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


Damage = Callable[[Path], object]


def all_of(pattern: str, act: Damage) -> Damage:
    def damage(table: Path) -> None:
        for path in sorted(table.glob(pattern)):
            act(path)

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        all_of("_delta_log/*", Path.unlink),
        all_of("_delta_log", shutil.rmtree),
        all_of("_delta_log/*0.json", lambda path: path.write_text('{"metaData": ')),
        all_of("_delta_log/*0.json", lambda path: path.write_bytes(bytes(range(256)))),
        all_of("_delta_log/*1.json", Path.unlink),
        all_of("*.parquet", Path.unlink),
        all_of("*.parquet", lambda path: path.write_bytes(b"x" * 100)),
    ],
    ids=["log emptied", "log gone", "log cut", "log binary", "log with a gap", "rows gone", "rows damaged"],
)
def test_a_damaged_table_is_an_error_that_names_it(lake: Lake, damage: Damage) -> None:
    for name in "abc":
        lake.append([recipe(), source(f"/{name}.mp4")])
    damage(Path(lake.root) / "sources")
    with pytest.raises(LakeError, match=r"cannot read .*sources.*; restore .*copy") as raised:
        Catalog(Lake.open(lake.root)).view("sources")
    assert "\n" not in str(raised.value)


@contextmanager
def as_nobody(folder: Path) -> Generator[None]:
    """Act as a user whom permissions bind: tests may be run by root, whom they do not."""
    if os.geteuid():
        yield
        return
    for parent in (folder, *folder.parents):
        if not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("pattern", ["", "sources", "sources/_delta_log", "sources/*.parquet"])
def test_what_may_not_be_read_is_an_error_that_names_it(lake: Lake, pattern: str) -> None:
    lake.append([recipe(), source("/a.mp4")])
    root = Path(lake.root)
    (path,) = root.glob(pattern) if pattern else [root]
    with as_nobody(root):
        assert Catalog(Lake.open(root)).view("sources").num_rows == 1
    mode = path.stat().st_mode
    path.chmod(0)
    try:
        with as_nobody(root.parent), pytest.raises(LakeError, match=r"Permission denied.*; (give|restore)"):
            Catalog(Lake.open(root)).view("sources")
    finally:
        path.chmod(mode)


def test_a_lake_that_may_not_be_written_can_be_read(lake: Lake) -> None:
    lake.append([recipe(), source("/a.mp4")])
    folders = [Path(lake.root), *(path for path in Path(lake.root).rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        with as_nobody(Path(lake.root)):
            assert Catalog(Lake.open(lake.root)).view("sources").num_rows == 1
            with pytest.raises(LakeError, match=r"could not commit 1 rows to .*sources: "):
                lake.append([source("/b.mp4")])
    finally:
        for folder in folders:
            folder.chmod(0o755)


def test_nothing_is_appended_to_a_table_that_lost_its_log(lake: Lake) -> None:
    lake.append([recipe(), source("/a.mp4")])
    shutil.rmtree(Path(lake.root) / "sources" / "_delta_log")
    with pytest.raises(LakeError, match=r"could not commit 1 rows to .*sources: its folder _delta_log"):
        lake.append([source("/b.mp4")])
    assert not (Path(lake.root) / "sources" / "_delta_log").exists()


@pytest.mark.parametrize("path", ["videos", "videos/_delta_log"])
def test_a_table_that_was_never_written_is_empty(lake: Lake, path: str) -> None:
    """A scan that is killed while it makes a table leaves empty folders."""
    lake.append([recipe(), source("/a.mp4")])
    (Path(lake.root) / path).mkdir(parents=True)
    assert Catalog(lake).view("videos").num_rows == 0
    lake.append(video("v1", "/a.mp4"))
    assert Catalog(lake).view("videos").num_rows == 1


def test_a_table_that_is_made_while_it_is_read_is_no_error(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.append([recipe()])
    names = FolderStore.names
    made: list[str] = []

    def late(self: FolderStore, folder: str = "") -> set[str]:
        if folder == "sources" and not made:
            made.append(folder)
            Lake(lake.root).append([source("/a.mp4")])
        return names(self, folder)

    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "names", late)
        snapshot = lake.snapshot()
    assert len(snapshot["sources"].uris) == 1
