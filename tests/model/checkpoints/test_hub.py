"""The hub client against a small server that speaks the hub's protocol."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import huggingface_hub.constants
import pytest

from model.checkpoints.hub import Progress, fetch, fetch_tower, locate
from model.network.config import CheckpointError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """Repositories of files, and what was asked of them."""

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict[str, dict[str, bytes]])
    asked: list[str] = field(default_factory=list[str])
    url: str = ""
    breaks_after: int | None = None
    """Bytes of the next pytorch_model.bin after which the connection ends, once."""


def make_handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = self.path.partition("?")[0].removeprefix("/")
            hub.asked.append(f"{self.command} {path}")
            if path.startswith("api/models/"):
                owner, name = path.split("/")[2:4]
                files = hub.repositories.get(f"{owner}/{name}")
                siblings = [{"rfilename": name, "size": len(data)} for name, data in (files or {}).items()]
                described = {"id": f"{owner}/{name}", "sha": COMMIT, "siblings": siblings}
                self.reply(None if files is None else json.dumps(described).encode())
            else:
                owner, name, _, _, file = path.split("/", 4)
                self.reply(hub.repositories[f"{owner}/{name}"].get(file))

        def reply(self, data: bytes | None) -> None:
            self.send_response(404 if data is None else 200)
            data = data or b""
            self.send_header("Content-Length", str(len(data)))
            self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if self.command == "GET":
                is_broken = hub.breaks_after is not None and self.path.endswith(".bin")
                self.wfile.write(data[: hub.breaks_after] if is_broken else data)
                if is_broken:
                    hub.breaks_after = None

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return Handler


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(hub))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(
        huggingface_hub.constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        hub.url + "/{repo_id}/resolve/{revision}/{filename}",
    )
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield hub
    server.shutdown()
    server.server_close()


FILES = {
    "config.json": b"{}",
    "tokenizer.model": b"pieces",
    "pytorch_model.bin": b"weights",
    "training_args.bin": b"a pickle",
    "optimizer/state.bin": b"much",
    "README.md": b"words",
}


def test_only_what_is_read_is_fetched(hub: Hub) -> None:
    hub.repositories["owner/name"] = FILES
    heard: list[Progress] = []
    directory = fetch("owner/name", report=heard.append)
    assert sorted(path.name for path in directory.iterdir()) == [
        "config.json",
        "pytorch_model.bin",
        "tokenizer.model",
    ]
    assert (directory / "pytorch_model.bin").read_bytes() == b"weights"
    assert [(p.file, p.done_bytes, p.total_bytes) for p in heard] == [
        ("config.json", 2, 15),
        ("tokenizer.model", 8, 15),
        ("pytorch_model.bin", 15, 15),
    ]


def test_what_arrives_is_reported_as_it_arrives(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 4)
    hub.repositories["owner/name"] = FILES
    heard: list[Progress] = []
    fetch("owner/name", needs_weights=False, report=heard.append)
    fetch("owner/name", report=heard.append)
    assert [(p.file, p.done_bytes, p.total_bytes) for p in heard] == [
        ("config.json", 2, 2),
        ("config.json", 2, 15),  # it was in the cache
        ("tokenizer.model", 6, 15),
        ("tokenizer.model", 8, 15),
        ("pytorch_model.bin", 12, 15),
        ("pytorch_model.bin", 15, 15),
    ]


def no_wait(_: float) -> None:
    """What huggingface_hub waits before it tries again."""


def test_what_arrives_twice_counts_once(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", no_wait)
    hub.repositories["owner/name"] = FILES
    hub.breaks_after = 3
    heard: list[Progress] = []
    fetch("owner/name", report=heard.append)
    done = [p.done_bytes for p in heard]
    assert done == sorted(done)
    assert done[-1] == 15


def test_safetensors_are_preferred(hub: Hub) -> None:
    hub.repositories["owner/name"] = FILES | {"model.safetensors": b"safe"}
    names = {path.name for path in fetch("owner/name").iterdir()}
    assert names == {"config.json", "model.safetensors", "tokenizer.model"}


def test_the_cache_comes_before_the_network(hub: Hub) -> None:
    hub.repositories["owner/name"] = FILES
    first = fetch("owner/name")
    hub.asked.clear()
    assert fetch("owner/name") == first
    assert locate("owner/name") == first
    assert hub.asked == []


def test_what_the_cache_lacks_is_added(hub: Hub) -> None:
    hub.repositories["owner/tower"] = FILES
    directory = fetch("owner/tower", needs_weights=False)
    assert [path.name for path in directory.iterdir()] == ["config.json"]
    assert locate("owner/tower") is None
    assert (fetch("owner/tower") / "pytorch_model.bin").exists()


def test_a_revision_can_be_named(hub: Hub) -> None:
    hub.repositories["owner/name"] = FILES
    fetch("owner/name@v1")
    assert "HEAD owner/name/resolve/v1/config.json" in hub.asked
    assert locate("owner/name@v1") is not None
    assert locate("owner/name") is None


def test_without_leave_nothing_is_asked(hub: Hub) -> None:
    with pytest.raises(CheckpointError, match="not on this machine: pull it first"):
        fetch("owner/name", may_download=False)
    assert hub.asked == []


def test_an_unknown_repository_is_named(hub: Hub) -> None:
    with pytest.raises(CheckpointError, match=r"checkpoint owner/none: .*hub did not give it"):
        fetch("owner/none")


def test_a_repository_without_weights_is_no_checkpoint(hub: Hub) -> None:
    hub.repositories["owner/name"] = {"config.json": b"{}"}
    with pytest.raises(CheckpointError, match="repository is no checkpoint"):
        fetch("owner/name")


def test_a_silent_hub_is_named(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="offline"):
        fetch("owner/name")


def test_directories_need_no_hub(tmp_path: Path) -> None:
    assert fetch(tmp_path) == tmp_path
    (tmp_path / "towers" / "image").mkdir(parents=True)
    assert fetch_tower(tmp_path, "towers/image", needs_weights=True) == tmp_path / "towers" / "image"


@pytest.mark.parametrize(
    "name", ["one", "a/b/c", "/absolute", "a/b@", "a b/c", "./nope", "a/b--c", "a./b", "a/b.git"]
)
def test_what_is_neither_is_refused(name: str) -> None:
    with pytest.raises(CheckpointError, match="no hub id"):
        fetch(name)
