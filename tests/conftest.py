from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

# `make test` runs these in the environment that `make vllm` installs.
collect_ignore_glob = [] if find_spec("vllm") else ["*/test_vllm_*.py"]

BUCKETS = ("archive", "lakes")


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an S3 server that speaks HTTP and obeys conditional puts."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - takes a second to import

    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A client of the server, and two empty buckets."""
    from storage.s3 import client, forget  # noqa: PLC0415

    settings = {
        "AWS_ENDPOINT_URL": s3_server,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "se'cret",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    forget()
    urlopen(Request(f"{s3_server}/moto-api/reset", method="POST")).close()
    made = client("archive")
    for bucket in BUCKETS:
        made.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    yield made
    forget()
