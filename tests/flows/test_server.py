"""What a command is told when Prefect's server does not start, or goes away."""

import httpx
import pytest
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.server import ServerError, temporary_server
from flows.usage import UsageError


def test_a_server_that_has_gone_is_named() -> None:
    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}),
        pytest.raises(ServerError, match=r"server at http://127.0.0.1:1/api does not answer: .*lake"),
        temporary_server(),
    ):
        httpx.get("http://127.0.0.1:1/api/health")


def test_an_address_with_a_password_is_refused_and_not_repeated() -> None:
    with (
        temporary_settings({PREFECT_API_URL: "http://ops:hunter2@127.0.0.1:1/api"}),
        pytest.raises(UsageError, match="PREFECT_API_AUTH_STRING") as refused,
        temporary_server(),
    ):
        raise AssertionError("it went on with it")
    assert "hunter2" not in str(refused.value)


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
