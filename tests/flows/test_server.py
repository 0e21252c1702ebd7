"""What a command is told when Prefect's server does not start, or goes away."""

import httpx
import pytest
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.server import ServerError, temporary_server


def test_a_server_that_has_gone_is_named() -> None:
    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}),
        pytest.raises(ServerError, match=r"server at http://127.0.0.1:1/api does not answer: .*lake"),
        temporary_server(),
    ):
        httpx.get("http://127.0.0.1:1/api/health")


def test_a_server_that_does_not_start_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: object) -> None:
        raise RuntimeError("timed out")

    monkeypatch.setattr(SubprocessASGIServer, "start", start)
    with (
        temporary_settings({PREFECT_API_URL: None}),
        pytest.raises(ServerError, match="did not start: timed out; see"),
        temporary_server(),
    ):
        raise AssertionError("it went on without a server")
