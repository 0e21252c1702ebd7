"""Where a lake can be, and what is no lake."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from storage.archive import ArchiveError, UnreachableArchiveError, list_sources
from storage.catalog import Catalog
from storage.lake import Lake, LakeError, UnreachableLakeError
from tests.storage.rows import recipe, source, video


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def test_a_lake_is_marked_with_its_format(lake: Lake) -> None:
    lake.append([recipe()])
    marker = json.loads((Path(lake.root) / "lake.json").read_text())
    assert marker["format"] == 1
    assert lake.exists
    assert Lake.open(lake.root).exists


@pytest.mark.parametrize(
    ("code", "of_lake", "of_archive"),
    [(errno.ESTALE, UnreachableLakeError, UnreachableArchiveError), (errno.EACCES, LakeError, ArchiveError)],
)
def test_a_disk_that_fails_is_told_from_a_place_that_may_not_be_used(
    code: int,
    of_lake: type[Exception],
    of_archive: type[Exception],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: Path, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", fail)
        with pytest.raises(LakeError, match=r"cannot open .* as a lake") as lake_error:
            Lake(tmp_path / "lake")
        patched.setattr(Path, "resolve", fail)
        with pytest.raises(ArchiveError, match="cannot list") as archive_error:
            list_sources([str(tmp_path)])
    assert (type(lake_error.value), type(archive_error.value)) == (of_lake, of_archive)


def test_a_lake_that_is_not_there_cannot_be_opened_but_made(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match=r"there is no lake at .*nowhere"):
        Lake.open(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    lake = Lake(tmp_path / "empty")
    assert not lake.exists
    assert Catalog(lake).view("sources").num_rows == 0
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ('{"format": 2}', "format 2, and this facesift knows formats up to 1; update facesift"),
        ('{"format": ', "damaged"),
        ('{"version": 1}', "damaged"),
        ("[]", "damaged"),
        ("", "damaged"),
        ('{"format": 1e400}', "damaged"),
        ('{"format": 1.0}', "damaged"),
        ('{"format": true}', "damaged"),
        ('{"format": 0}', "damaged"),
        ('{"format": "1"}', "damaged"),
        ('{"format": null}', "damaged"),
        ("1", "damaged"),
        ("\udcff\udcfe\x00", "damaged"),
    ],
)
def test_a_lake_that_cannot_be_understood_is_refused(tmp_path: Path, marker: str, message: str) -> None:
    (tmp_path / "lake.json").write_bytes(os.fsencode(marker))
    with pytest.raises(LakeError, match=message):
        Lake(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["lake.json"]


@pytest.mark.parametrize("open_lake", [Lake, Lake.open])
def test_an_empty_name_is_not_the_current_folder(
    open_lake: Callable[[str], Lake], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Lake(".").append([recipe()])
    with pytest.raises(LakeError, match="the name of the lake is empty; give a folder"):
        open_lake("")


@pytest.mark.parametrize(
    "place", ["s3://key:se'cret@lakes/here", "s3://se'cret@lakes", "https://u:se'cret@h/lake"]
)
def test_a_password_in_an_address_is_refused_and_not_repeated(place: str) -> None:
    with pytest.raises(LakeError, match="has a password in it") as of_lake:
        Lake(place)
    with pytest.raises(ArchiveError, match="has a password in it") as of_archive:
        list_sources([place])
    assert "cret" not in f"{of_lake.value} {of_archive.value}"


def test_a_folder_with_something_else_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "holiday.mp4").write_bytes(b"x")
    with pytest.raises(LakeError, match=r"not empty and no lake: it has no lake\.json"):
        Lake(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.mp4"]


def test_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lake"
    path.write_bytes(b"x")
    with pytest.raises(LakeError, match="Not a directory"):
        Lake(path)
    with pytest.raises(LakeError, match="Not a directory"):
        Lake(path / "below")


@pytest.mark.parametrize("name", ["it's a lake", "größe 日本 é", "a=b, c", 'quo"te', "#1 & {x}*~?"])
def test_a_lake_works_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    lake = Lake(tmp_path / name / "lake")
    lake.append([recipe(), *video("v1", "/a.mp4")])
    lake.append([source("/a.mp4", video_id="v1")])
    assert Catalog(Lake.open(lake.root)).query("select uri, status from sources").to_pylist() == [
        {"uri": "/a.mp4", "status": "done"}
    ]


@pytest.mark.parametrize("name", ["a[1]", "100%", "a|b", "a\\b", "a^b", "a\nb", "a\udce9b"])
def test_a_name_that_delta_tables_cannot_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(LakeError, match="has a meaning of its own"):
        Lake(tmp_path / name)


def test_files_are_plain_parquet_and_a_lake_may_be_moved(lake: Lake, tmp_path: Path) -> None:
    lake.append([source("/a.mp4")])
    (file,) = lake.snapshot()["sources"].uris
    assert parquet.read_table(file)["uri"].to_pylist() == ["/a.mp4"]
    moved = shutil.move(lake.root, tmp_path / "moved")
    assert Catalog(Lake.open(moved)).query("select uri from sources")["uri"].to_pylist() == ["/a.mp4"]


def test_a_relative_root_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lake = Lake("lake")
    monkeypatch.chdir(os.sep)
    lake.append([source("/a.mp4")])
    assert (tmp_path / "lake" / "lake.json").exists()
