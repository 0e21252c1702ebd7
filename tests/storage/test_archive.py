import hashlib
import inspect
import os
import socket
import stat
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from storage.archive import ArchiveError, Fail, Listed, Skip, Take, archive_uri, fetch, list_sources
from storage.folders import UnreadableSourceError, file_path, file_uri


def write(path: Path, data: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def uris(*archives: Path | str, exclude: tuple[Path, ...] = ()) -> list[str]:
    return [listed.uri for listed in list_sources([str(path) for path in archives], exclude)]


def only(path: Path) -> Listed:
    (listed,) = list_sources([str(path)])
    return listed


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A folder in which permissions bind, even when the tests run as root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if is_root:
                os.seteuid(0)


def test_a_file_is_listed_with_its_version(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", b"12345")
    os.utime(path, ns=(0, 1_600_000_000_123_456_789))
    assert only(path) == Listed(
        uri=str(path),
        size_bytes=5,
        etag="1600000000123456789",
        modified_at=datetime(2020, 9, 13, 12, 26, 40, 123456, UTC),
        fate=Take(),
    )


def test_a_tree_is_listed_in_the_order_of_its_names(tmp_path: Path) -> None:
    for name in ("b.mp4", "a/z.mp4", "a/b/c.mp4", "B.mp4", "a.mp4"):
        write(tmp_path / name)
    (tmp_path / "empty").mkdir()
    expected = ["B.mp4", "a/b/c.mp4", "a/z.mp4", "a.mp4", "b.mp4"]
    assert uris(tmp_path) == [str(tmp_path / name) for name in expected]


NAMES = [
    b"with space.mp4",
    b'it\'s "quoted".mp4',
    b"two\nlines.mp4",
    "größe 日本.mp4".encode(),
    b"-rf.mp4",
    b"100%.mp4",
    b"?*[a].mp4",
    b"no ending",
    b".hidden.mp4",
    b"\xff\xfe latin1 \xe9.mp4",
]


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_any_name_is_taken_and_its_uri_leads_back(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    write(path, name)
    listed = only(tmp_path)
    assert listed.fate == Take()
    listed.uri.encode()  # UTF-8, as Arrow wants it
    assert file_path(listed.uri) == path
    assert fetch(listed.uri, tmp_path).video_id == sha256(name).hexdigest()


def test_only_a_name_outside_utf8_becomes_an_encoded_uri() -> None:
    assert file_uri(Path("/a/100%41.mp4")) == "/a/100%41.mp4"
    encoded = file_uri(Path(os.fsdecode(b"/a b/\xe9%41.mp4")))
    assert encoded == "file:///a%20b/%E9%2541.mp4"
    assert os.fsencode(file_path(encoded)) == b"/a b/\xe9%41.mp4"


def test_an_archive_may_be_given_as_a_file_uri(tmp_path: Path) -> None:
    path = write(tmp_path / "with space" / "a.mp4")
    assert uris(path.parent.as_uri()) == [str(path)]


def test_an_archive_that_is_one_source_has_its_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "with space" / os.fsdecode(b"a\xe9.mp4"))
    monkeypatch.chdir(path.parent)
    given = (str(path), path.as_uri(), path.name, f"./x/../{path.name}")
    assert [archive_uri(place) for place in given] == uris(path) * 4


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("notes.txt", "text, by its ending .txt"),
        ("DATA.JSON", "data, by its ending .json"),
        ("song.mp3", "sound, by its ending .mp3"),
        ("playlist.m3u8", "a playlist, by its ending .m3u8"),
        ("video.mp4.zip", "an archive, by its ending .zip"),
        ("._a.mp4", "attributes that macOS keeps beside a file"),
        (".DS_Store", "left by an operating system"),
        ("Thumbs.db", "left by an operating system"),
    ],
)
def test_what_is_no_video_by_its_name_is_skipped_with_a_reason(
    tmp_path: Path, name: str, reason: str
) -> None:
    listed = only(write(tmp_path / name))
    assert listed.fate == Skip(reason)
    assert listed.size_bytes == 1


@pytest.mark.parametrize(
    "name", ["a.jpg", "a.png", "a.gif", "a.3gp", "a.ts", "a.bin", "a.mp4.part", "a.ogg", "txt"]
)
def test_what_may_hold_pictures_is_taken(tmp_path: Path, name: str) -> None:
    assert only(write(tmp_path / name)).fate == Take()


def test_a_folder_is_descended_whatever_its_name(tmp_path: Path) -> None:
    path = write(tmp_path / "x.mp4" / "._y.txt" / "z.mp4")
    assert uris(tmp_path) == [str(path)]


def test_what_is_no_file_is_skipped_and_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "s.mp4"))
        fates = {Path(listed.uri).name: listed.fate for listed in list_sources([str(tmp_path)])}
    assert fates == {"pipe.mp4": Skip("a named pipe"), "s.mp4": Skip("a socket")}
    assert only(Path("/dev/null")).fate == Skip("a device")


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    target = write(tmp_path / "elsewhere" / "a.mp4", b"123")
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "link.mp4").symlink_to(target)
    listed = only(folder)
    assert (listed.uri, listed.size_bytes, listed.fate) == (str(folder / "link.mp4"), 3, Take())


def test_a_broken_link_and_a_link_to_itself_are_failures(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").symlink_to("gone.mp4")
    (tmp_path / "self.mp4").symlink_to("self.mp4")
    broken, loop = list_sources([str(tmp_path)])
    assert broken.fate == Fail("FileNotFoundError", "No such file or directory: a link to gone.mp4")
    assert loop.fate == Fail("OSError", "Too many levels of symbolic links: a link to self.mp4")
    assert (broken.size_bytes, broken.etag, broken.modified_at) == (None, None, None)


def test_linked_folders_are_listed_once_and_loops_end(tmp_path: Path) -> None:
    inside = write(tmp_path / "archive" / "m" / "a.mp4")
    outside = write(tmp_path / "outside" / "b.mp4")
    archive = tmp_path / "archive"
    (outside.parent / "back").symlink_to(outside.parent)
    (archive / "0-first").symlink_to(archive / "m")
    (archive / "m" / "up").symlink_to(archive)
    (archive / "m" / "further up").symlink_to(tmp_path)
    (archive / "out").symlink_to(outside.parent)
    (archive / "out again").symlink_to(outside.parent)
    assert uris(archive) == [str(inside), str(archive / "out" / "b.mp4")]


def test_archives_given_twice_nested_or_through_links_are_listed_once(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a" / "b" / "1.mp4"), write(tmp_path / "a" / "2.mp4")
    (tmp_path / "link").symlink_to(tmp_path / "a" / "b")
    expected = [str(second), str(first)]
    a, b = tmp_path / "a", tmp_path / "a" / "b"
    for archives in (
        (a, a),
        (a, b),
        (b, a),
        (first, a),
        (a, f"{b}/../b"),
        (tmp_path / "link", a),
        (a, b, first),
    ):
        assert sorted(uris(*archives)) == sorted(expected), archives


def test_archives_apart_are_all_listed(tmp_path: Path) -> None:
    paths = [write(tmp_path / name / "1.mp4") for name in ("b", "a", "ab")]
    assert uris(*(path.parent for path in paths)) == sorted(map(str, paths))


def test_an_archive_that_is_a_link_keeps_its_name(tmp_path: Path) -> None:
    write(tmp_path / "real" / "1.mp4")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert uris(tmp_path / "link") == [str(tmp_path / "link" / "1.mp4")]


def test_a_relative_archive_gives_absolute_uris(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a" / "1.mp4")
    monkeypatch.chdir(tmp_path / "a")
    assert uris(".") == uris("../a/") == [str(path)]


def test_the_lake_inside_an_archive_is_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "1.mp4")
    lake = write(tmp_path / "lake" / "videos" / "part.mp4").parents[1]
    (tmp_path / "link").symlink_to(lake)
    assert uris(tmp_path, exclude=(lake,)) == [str(path)]
    assert uris(tmp_path, exclude=(tmp_path / "no lake yet",)) == [
        str(path),
        str(lake / "videos" / "part.mp4"),
    ]


def test_an_unreadable_folder_is_one_failure(as_nobody: Path) -> None:
    write(as_nobody / "a" / "1.mp4")
    closed = write(as_nobody / "closed" / "2.mp4").parent
    unsearchable = write(as_nobody / "unsearchable" / "3.mp4").parent
    closed.chmod(0)
    unsearchable.chmod(stat.S_IRUSR)
    try:
        first, folder, inside = list_sources([str(as_nobody)])
    finally:
        closed.chmod(0o700)
        unsearchable.chmod(0o700)
    assert first.fate == Take()
    assert (folder.uri, folder.fate) == (str(closed), Fail("PermissionError", "Permission denied"))
    assert (inside.uri, inside.fate) == (
        str(unsearchable / "3.mp4"),
        Fail("PermissionError", "Permission denied"),
    )


@pytest.mark.parametrize("name", ["nowhere", "nowhere/deeper.mp4"])
def test_an_archive_that_is_not_there_is_refused_before_the_first(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArchiveError, match=f"cannot list {tmp_path / name}: No such file or directory; give"):
        list_sources([str(tmp_path), str(tmp_path / name)])


def test_other_unusable_archives_are_refused(tmp_path: Path) -> None:
    (tmp_path / "self").symlink_to("self")
    with pytest.raises(ArchiveError, match=r"leads to itself|Too many levels"):
        list_sources([str(tmp_path / "self")])
    with pytest.raises(ArchiveError, match=r"cannot list '/x\\x00.png': no file's name"):
        list_sources(["file:///x%00.png"])
    with pytest.raises(ArchiveError, match="no archive is known by ftp://"):
        list_sources(["ftp://host/a"])
    with pytest.raises(ArchiveError, match="name at least one"):
        list_sources([])
    with pytest.raises(ArchiveError, match="name at least one"):
        list_sources([""])


def test_names_of_one_folder_at_a_time_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(20):
        write(tmp_path / f"{index:02}" / "a.mp4")
    read: list[str] = []
    scandir = os.scandir

    def counting(path: str) -> object:
        read.append(str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counting)
    listing = list_sources([str(tmp_path)])
    next(listing)
    assert read == [str(tmp_path), str(tmp_path / "00")]


def test_a_very_deep_tree_is_walked(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(200):
        folder /= "d"
        folder.mkdir()
    path = write(folder / "a.mp4")
    limit, depth = sys.getrecursionlimit(), len(inspect.stack())
    sys.setrecursionlimit(depth + 100)
    try:
        listed = uris(tmp_path)
    finally:
        sys.setrecursionlimit(limit)
    assert listed == [str(path)]


def test_a_time_outside_the_calendar_is_absent(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4")
    os.utime(path, ns=(0, -(10**19) // 2))
    listed = only(path)
    assert listed.etag == str(path.stat().st_mtime_ns)
    assert listed.modified_at is None or listed.modified_at.year < 1970


def test_a_local_file_is_hashed_in_place(tmp_path: Path) -> None:
    data = b"frame" * 700_000
    path = write(tmp_path / "a.mp4", data)
    fetched = fetch(str(path), tmp_path / "spool")
    assert fetched.video_id == sha256(data).hexdigest()
    assert (fetched.path, fetched.size_bytes, fetched.is_spooled) == (path, len(data), False)
    assert fetched.etag == only(path).etag
    assert not (tmp_path / "spool").exists()


def test_what_cannot_be_fetched_raises_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        fetch(str(tmp_path / "gone.mp4"), tmp_path)
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(UnreadableSourceError, match="no regular file any more"):
        fetch(str(tmp_path / "pipe.mp4"), tmp_path)


def test_a_file_that_may_not_be_read_raises_an_os_error(as_nobody: Path) -> None:
    path = write(as_nobody / "a.mp4")
    path.chmod(0)
    with pytest.raises(PermissionError):
        fetch(str(path), as_nobody)


def test_a_file_that_grows_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.mp4")
    digest = hashlib.file_digest

    def appending(file: object, *args: object, **options: object) -> object:
        result = digest(file, *args, **options)  # pyright: ignore
        with path.open("ab") as writer:
            writer.write(b"more")
        return result

    monkeypatch.setattr(hashlib, "file_digest", appending)
    with pytest.raises(UnreadableSourceError, match="changed while it was read"):
        fetch(str(path), tmp_path)
