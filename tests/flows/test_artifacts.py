"""What Prefect is shown, by a server that only plays, and that may be away."""

import threading
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows import artifacts
from flows.artifacts import ArtifactProgress, scan_progress, show_night
from flows.display.progress import ScanProgress
from tests.flows.test_summary import SUMMARY, failing


class Server:
    """Takes artifacts, or is away."""

    def __init__(self) -> None:
        self.is_away = False
        self.taken: list[tuple[Any, ...]] = []
        self.is_told = threading.Event()

    def create(self, data: Any, key: str, description: str) -> UUID:
        return self._take(key, data, description)

    def update(self, artifact_id: UUID, progress: float, description: str) -> UUID:
        return self._take(artifact_id, progress, description)

    def _take(self, *told: Any) -> UUID:
        self.is_told.set()
        if self.is_away:
            raise ConnectionRefusedError("nobody listens there")
        self.taken.append(told)
        return uuid4()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server()
    for name in ("create_markdown_artifact", "create_progress_artifact", "create_table_artifact"):
        monkeypatch.setattr(artifacts, name, server.create)
    monkeypatch.setattr(artifacts, "update_progress_artifact", server.update)
    monkeypatch.setattr(artifacts, "UPDATE_S", 0.01)
    return server


def test_a_night_leaves_a_page_and_a_table_where_there_is_something_in_it(server: Server) -> None:
    show_night(SUMMARY)
    assert [key for key, *_ in server.taken] == ["facesift-night"]
    show_night(failing(3))
    assert [key for key, *_ in server.taken[1:]] == ["facesift-night", "facesift-failures"]
    assert len(server.taken[2][1]) == 3


def test_progress_is_updated_while_a_scan_runs_and_at_its_end(server: Server) -> None:
    with ArtifactProgress("none") as progress:
        progress.planned(4)
        server.is_told.clear()
        progress.settled("/a")
        assert server.is_told.wait(10)
        progress.settled("/b")
    assert server.taken[0] == ("facesift-progress", 0.0, "4 sources to read")
    assert server.taken[1][1:] == (25.0, "1 of 4 sources settled")
    assert server.taken[-1][1:] == (50.0, "2 of 4 sources settled")


def test_a_server_that_is_away_stops_nothing(server: Server) -> None:
    with ArtifactProgress("none") as progress:
        progress.planned(4)
        server.is_away = True
        progress.settled("/a")
        server.is_told.clear()
        assert server.is_told.wait(10)
    show_night(failing(1))
    assert len(server.taken) == 1


def test_a_scan_with_nothing_to_read_shows_no_progress(server: Server) -> None:
    with ArtifactProgress("none") as progress:
        progress.planned(0)
    assert server.taken == []


def test_only_a_server_that_outlives_the_scan_is_shown_progress() -> None:
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        assert type(scan_progress("none")) is ScanProgress
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}):
        assert isinstance(scan_progress("none"), ArtifactProgress)
