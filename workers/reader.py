"""The reader: a source in, its clips and the rows of its shots, tracks and boxes out."""

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from storage import archive, records
from storage.folders import file_uri
from storage.listing import Fetched
from workers.clipper import ClipCut
from workers.decoder import Decoder, Video
from workers.detector import load_detector
from workers.failure import SourceError, TransientError, failure_of
from workers.reading import Chunk, ReaderConfig, Reading, RowIds
from workers.visit import Visit

__all__ = ["Chunk", "ClipCut", "Reader", "ReaderConfig", "Reading", "RowIds"]


class Reader:
    """Reads one video after the other: decodes, finds cuts and faces, follows them, cuts clips.

    A plain class: `workers.fleet` wraps it for Ray. Deterministic: the same file under the same configuration
    gives the same rows and pixels. Only the boxes grow with the length of a video.

    Args:
        config: Of all its parts.
    """

    def __init__(self, config: ReaderConfig) -> None:
        self._config = config
        self._decoder = Decoder(config.decoder)
        self._detector = load_detector(config.detector)
        self._uris: dict[Path, str] = {}
        self._spooled: Path | None = None
        self._fetches = 0

    def fetch(self, source: records.Source) -> Fetched:
        """Make a source readable as a file and hash it; a copy of the source before is deleted.

        Raises:
            TransientError: It vanished, changed since it was listed, or cannot be read now.
        """
        self._discard()
        self._fetches += 1
        spool_dir = Path(self._config.spool_dir or tempfile.gettempdir())
        try:
            fetched = archive.fetch(source.uri, spool_dir)
        except Exception as error:
            raise failure_of(error, "fetch", source.uri) from error
        self._spooled = fetched.path if fetched.is_spooled else None
        self._uris = {fetched.path: source.uri}
        if source.etag is not None and fetched.etag != source.etag:
            raise TransientError("fetch", f"{source.uri} changed after it was listed; the next scan reads it")
        return fetched

    def read(self, fetched: Fetched, ids: RowIds) -> Iterator[Chunk | Reading]:
        """Yield batches of clips as their tracks end, and last the reading.

        Raises:
            SourceError: stage `decode`: there is no video in it; stage `detect`: it cannot be worked on.
            TransientError: It changed while it was read, or the machine failed.
        """
        uri = self._uris.get(fetched.path) or file_uri(fetched.path)
        version = _version(fetched, uri)
        fetches = self._fetches
        try:
            with self._opened(fetched.path, uri) as video:
                yield from Visit(
                    self._config, self._detector, video, fetched=fetched, ids=ids, uri=uri
                ).parts()
                _check_unchanged(version, fetched, uri)
        except SourceError:
            # Half a file that is being replaced looks like a broken one.
            _check_unchanged(version, fetched, uri)
            raise
        finally:
            # A reading that was given up is closed late, when the next copy may be there already.
            if fetches == self._fetches:
                self._discard()

    def _opened(self, path: Path, uri: str) -> Video:
        try:
            return self._decoder.open(path)
        except Exception as error:
            raise failure_of(error, "decode", uri) from error

    def _discard(self) -> None:
        if self._spooled is not None:
            with suppress(OSError):
                self._spooled.unlink()
            self._spooled = None


_Version = tuple[int, int, int]
"""Size, modification time in nanoseconds, and inode of a file."""


def _version(fetched: Fetched, uri: str) -> _Version:
    try:
        status = fetched.path.stat()
    except OSError as error:
        raise failure_of(error, "decode", uri) from error
    is_same = status.st_size == fetched.size_bytes
    if not fetched.is_spooled and fetched.etag is not None:
        is_same = is_same and str(status.st_mtime_ns) == fetched.etag
    if not is_same:
        raise TransientError("decode", f"{uri} changed after it was hashed; the next scan reads it again")
    return status.st_size, status.st_mtime_ns, status.st_ino


def _check_unchanged(version: _Version, fetched: Fetched, uri: str) -> None:
    if _version(fetched, uri) != version:
        raise TransientError("decode", f"{uri} changed while it was read; the next scan reads it again")
