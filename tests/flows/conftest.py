"""A small archive of rendered people, made once per test run."""

import os
import shutil
from pathlib import Path

import pytest

from model.synthetic.archive import ArchiveConfig, write_archive

FILMS = 4
"""000..002 show faces, 003 shows none."""


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Films 000.mp4 .. 003.mp4, and the labels of their faces."""
    folder = tmp_path_factory.mktemp("films")
    write_archive(folder, FILMS, seed=5, config=ArchiveConfig(sizes_px=((320, 240),), seconds=(1.0, 2.0)))
    return folder


@pytest.fixture
def archive(films: Path, tmp_path: Path) -> Path:
    """The films and everything else that a folder can hold; 14 sources."""
    folder = tmp_path / "archive"
    shutil.copytree(films, folder)
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("this is no video\n" * 100)
    (folder / "notes.txt").write_text("skip me")
    shutil.copy(films / "000.mp4", folder / "-copy of 'a' \"film\"\nü.mp4")
    (folder / "cut short.mp4").write_bytes((films / "001.mp4").read_bytes()[:3000])
    (folder / "link.mp4").symlink_to(films / "001.mp4")
    (folder / "broken link.mp4").symlink_to(folder / "nowhere")
    (folder / "folder.mp4").mkdir()
    (folder / "folder.mp4" / "loop").symlink_to(folder)
    shutil.copy(films / "002.mp4", folder / "folder.mp4" / "inside.mp4")
    os.mkfifo(folder / "pipe.mp4")
    return folder
