"""The bucket that archives of tests lie in."""

from typing import Any

from storage.archive import list_sources


def put(s3: Any, *keys: str, data: bytes = b"12345", **options: str) -> None:
    for key in keys:
        s3.put_object(Bucket="archive", Key=key, Body=data, **options)


def uris(*places: str, exclude: tuple[str, ...] = ()) -> list[str]:
    return [listed.uri.removeprefix("s3://archive/") for listed in list_sources(places, exclude)]
