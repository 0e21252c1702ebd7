"""A small archive of rendered people, made once per test run."""

import os
import shutil
import subprocess
import sys
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


@pytest.fixture(scope="session")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe that asks little."""
    recipe = tmp_path_factory.mktemp("recipes") / "brief.toml"
    recipe.write_text('tasks = ["expression"]\n[engine]\nmax_new_tokens = 4\n')
    return recipe


@pytest.fixture(scope="session")
def undisturbed(films: Path, brief: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Every row that a scan of the films under the brief recipe leads to when nothing goes wrong."""
    from tests.flows.played_run import rows  # noqa: PLC0415 - most tests need none of it

    lake = tmp_path_factory.mktemp("lakes") / "undisturbed"
    command = [sys.executable, "-m", "flows", "scan", str(films), "--lake", str(lake), "--recipe", str(brief)]
    ended = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return rows(str(lake))
