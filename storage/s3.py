"""S3, for archives and for lakes: one place for addresses, clients, options and errors.

Region, credentials, endpoint and retries are found as every AWS tool finds them (environment, profile, role);
deltalake and DuckDB, which have clients of their own, are given what botocore found.
"""

import errno
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import botocore.session
import duckdb
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from storage.listing import has_password

ATTEMPTS = 6
"""Of every request, with pauses that grow and jitter, where the AWS settings do not say otherwise."""
CONNECT_S, READ_S = 10.0, 60.0
"""So long may a connection, and the next byte of an answer, take."""
CONNECTIONS = 16
"""A client keeps so many open: as many as a committer has pictures on their way."""
FAILURES = (ClientError, BotoCoreError)
"""What botocore raises."""
GONE = ("NoSuchKey", "NoSuchVersion", "NoSuchBucket", "404")
CHANGED = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409")
_UNANSWERED = (403, 404, 405, 501)
_ERRNOS = {
    **dict.fromkeys(GONE, errno.ENOENT),
    **dict.fromkeys(("AccessDenied", "403"), errno.EACCES),
}

_MAKING = threading.Lock()
"""A client may be shared by threads, and only one may make it."""


@dataclass(frozen=True, slots=True)
class S3Options:
    """What S3 is asked for besides the AWS settings; none of it can change a result."""

    public_buckets: tuple[str, ...] = ()
    """Patterns of buckets that are read without credentials."""
    payer_buckets: tuple[str, ...] = ()
    """Patterns of buckets whose requests we pay for."""
    encryption: str | None = None
    """How S3 encrypts what a lake writes: AES256 or aws:kms; None leaves it to the bucket."""
    kms_key_id: str | None = None
    """Key for aws:kms; None takes the account's own."""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Return the options that environment variables ask for, lists separated by commas.

        Raises:
            ValueError: an encryption is asked for that there is not.
        """
        encryption = environment.get("FACESIFT_S3_ENCRYPTION") or None
        key = environment.get("FACESIFT_S3_KMS_KEY_ID") or None
        if encryption not in (None, "AES256", "aws:kms") or (key and encryption != "aws:kms"):
            raise ValueError(
                f"FACESIFT_S3_ENCRYPTION is {encryption!r}; give AES256, or aws:kms, which alone takes a "
                "FACESIFT_S3_KMS_KEY_ID"
            )
        return cls(
            public_buckets=_listed(environment.get("FACESIFT_S3_PUBLIC_BUCKETS", "")),
            payer_buckets=_listed(environment.get("FACESIFT_S3_REQUESTER_PAYS", "")),
            encryption=encryption,
            kms_key_id=key,
        )

    def is_public(self, bucket: str) -> bool:
        """Say whether a bucket is read without credentials."""
        return any(fnmatchcase(bucket, pattern) for pattern in self.public_buckets)

    def is_paid(self, bucket: str) -> bool:
        """Say whether we pay for requests to a bucket."""
        return any(fnmatchcase(bucket, pattern) for pattern in self.payer_buckets)


@dataclass(frozen=True, slots=True)
class Address:
    """A bucket and a key in it, or a prefix of keys without a slash at its end."""

    bucket: str
    key: str

    @classmethod
    def of(cls, uri: str) -> Self:
        """Return what `s3://bucket/key` names."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return cls(bucket, key)

    @property
    def uri(self) -> str:
        """`s3://bucket/key`; the key as it is, not encoded."""
        return f"s3://{self.bucket}/{self.key}".removesuffix("/")

    @property
    def below(self) -> str:
        """What the keys below this one begin with."""
        return f"{self.key}/" if self.key else ""

    def holds(self, other: Self) -> bool:
        """Say whether the other is this one or below it: `a/b` is below `a`, `ab` is not."""
        return other.bucket == self.bucket and (other.key == self.key or other.key.startswith(self.below))


def client(bucket: str) -> Any:
    """Return this process's client for a bucket; it may be shared by threads.

    Raises:
        ValueError: an encryption is asked for that there is not, or the endpoint has a password in it.
    """
    with _MAKING:
        return _client(is_signed=not options().is_public(bucket))


def check_settings(bucket: str) -> None:
    """Raise ValueError as `client` does; what else is wrong with the settings, the first request says."""
    with suppress(*FAILURES):
        client(bucket)


def bucket_arguments(bucket: str) -> dict[str, str]:
    """Return what every request to a bucket says."""
    payer = {"RequestPayer": "requester"} if options().is_paid(bucket) else {}
    return {"Bucket": bucket, **payer}


def writing_arguments() -> dict[str, str]:
    """Return what every request says that writes an object."""
    asked = options()
    arguments = {"ServerSideEncryption": asked.encryption} if asked.encryption else {}
    return arguments | ({"SSEKMSKeyId": asked.kms_key_id} if asked.kms_key_id else {})


def keeps_versions(bucket: str) -> bool | None:
    """Say whether a bucket keeps versions of objects; None where nobody may ask, or nobody knows.

    Raises:
        ClientError: S3 did not answer: it may be asked again.
    """
    try:
        return "Status" in client(bucket).get_bucket_versioning(Bucket=bucket)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in _UNANSWERED:
            return None
        # Taken for no, every object of an archive would have another version than in the scan before.
        raise


def attempts() -> int:
    """Return how often a request is tried."""
    return _session().get_config_variable("max_attempts") or ATTEMPTS


def delta_options(bucket: str) -> dict[str, str]:
    """Return how deltalake reaches a bucket; to be asked for each commit, as credentials may expire."""
    asked, endpoint = options(), _endpoint(bucket)
    found = {
        "AWS_REGION": _region(bucket),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ALLOW_HTTP": str(endpoint.startswith("http://")).lower(),
        # Of two commits of one version the second is refused, and done again as the next version.
        "AWS_CONDITIONAL_PUT": "etag",
        "AWS_REQUEST_PAYER": str(asked.is_paid(bucket)).lower(),
        "max_retries": str(attempts() - 1),
    }
    if asked.is_public(bucket):
        return found | {"AWS_SKIP_SIGNATURE": "true"}
    if asked.encryption:
        found["AWS_SERVER_SIDE_ENCRYPTION"] = asked.encryption
    if asked.kms_key_id:
        found["AWS_SSE_KMS_KEY_ID"] = asked.kms_key_id
    keys = _credentials()
    found |= {"AWS_ACCESS_KEY_ID": keys.access_key, "AWS_SECRET_ACCESS_KEY": keys.secret_key}
    return found | ({"AWS_SESSION_TOKEN": keys.token} if keys.token else {})


def open_in_duckdb(connection: duckdb.DuckDBPyConnection, bucket: str) -> None:
    """Let a DuckDB connection read a bucket, by the extension that PyPI carries; nothing is downloaded."""
    spec = find_spec("duckdb_extension_httpfs")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    (extension,) = Path(folders[0]).glob(f"extensions/v{duckdb.__version__}/httpfs.duckdb_extension")
    connection.load_extension(str(extension))
    scheme, _, host = _endpoint(bucket).partition("://")
    values = {
        "region": _region(bucket),
        "endpoint": host,
        "url_style": "vhost" if host.endswith("amazonaws.com") else "path",
        "use_ssl": str(scheme == "https").lower(),
        "requester_pays": str(options().is_paid(bucket)).lower(),
    }
    if not options().is_public(bucket):
        keys = _credentials()
        values |= {"key_id": keys.access_key, "secret": keys.secret_key, "session_token": keys.token or ""}
    settings = ", ".join(f"{name} '{value.replace(chr(39), chr(39) * 2)}'" for name, value in values.items())
    connection.execute(f"create or replace secret lake (type s3, {settings})")


def os_error(error: Exception, uri: str) -> OSError:
    """Return the OSError that a failure of botocore amounts to: not there, not permitted, or what S3 says."""
    # The errors of a disk would be told as such; S3's own words say more.
    code = _ERRNOS.get(error_code(error), errno.EREMOTEIO)
    if isinstance(error, ParamValidationError):
        code = errno.EINVAL
    return OSError(code, f"S3 says {_one_line(error)}", uri)


def error_code(error: Exception) -> str:
    """Return S3's name for a failure; empty where it said nothing."""
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else ""


def forget() -> None:
    """Forget clients and options, so that the environment is read again."""
    for cached in (options, _session, _client):
        cached.cache_clear()


@cache
def options() -> S3Options:
    """Return this process's options."""
    return S3Options.of(os.environ)


@cache
def _session() -> botocore.session.Session:
    # One for all: it renews credentials that expire, and asks for them once.
    return botocore.session.get_session()


@cache
def _client(*, is_signed: bool) -> Any:
    config = Config(
        # The mode is botocore's own choice, or AWS_RETRY_MODE.
        retries={"total_max_attempts": attempts()},
        connect_timeout=CONNECT_S,
        max_pool_connections=CONNECTIONS,
        read_timeout=READ_S,
        signature_version=None if is_signed else UNSIGNED,
    )
    made = _session().create_client("s3", config=config)
    if has_password(made.meta.endpoint_url):  # errors name it, and they are stored
        raise ValueError(
            "the S3 endpoint of the AWS settings (AWS_ENDPOINT_URL, or a profile's) has a password in it; "
            "leave it out and use AWS_ACCESS_KEY_ID or a profile"
        )
    return made


def _endpoint(bucket: str) -> str:
    return client(bucket).meta.endpoint_url


def _region(bucket: str) -> str:
    return client(bucket).meta.region_name or "us-east-1"


def _credentials() -> Any:
    try:
        found = _session().get_credentials()
        keys = found.get_frozen_credentials() if found is not None else None
    except FAILURES as error:  # they have expired, and whoever gives new ones does not now
        raise PermissionError(errno.EACCES, f"no AWS credentials to be had: {_one_line(error)}") from error
    if keys is None:
        raise PermissionError(
            errno.EACCES,
            "no AWS credentials found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile",
        )
    return keys


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
