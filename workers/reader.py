"""The reader: a source in, its clips and the rows of its shots, tracks and boxes out, its own row last."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from storage import archive, records
from storage.archive import Fetched
from storage.folders import file_uri
from workers.clipper import ClipCut
from workers.clock import Stopwatch
from workers.faces.detector import load_detector
from workers.failure import SourceError, TransientError, failure_of
from workers.reading import Chunk, ReaderConfig, Reading, RowIds
from workers.scout import Scout
from workers.sight import Sight, Sights
from workers.spool import Spool
from workers.stitcher import Stitcher
from workers.version import Version
from workers.video.decoder import Decoder, SpannedVideo, Spans, Video
from workers.video.probe import check_header
from workers.video.spans import UnsplittableError
from workers.visit import Visit

_Opened = TypeVar("_Opened")

__all__ = ["Chunk", "ClipCut", "Reader", "ReaderConfig", "Reading", "RowIds"]


PROBED_FROM_BYTES = 64 << 20
"""Of a source elsewhere that is so large, the header is looked at before all of it is transferred."""


class Reader:
    """Reads one video after the other: decodes, finds cuts and faces, follows them, cuts clips.

    A plain class: `workers.fleet` wraps it for Ray. Deterministic: the same file under the same configuration
    gives the same rows and pixels. Its memory does not grow with the length of a video.

    Args:
        config: Of all its parts.
    """

    def __init__(self, config: ReaderConfig) -> None:
        self._config = config
        self._decoder = Decoder(config.decoder)
        self._scout = Scout(config, load_detector(config.detector))
        self._uris: dict[Path, str] = {}
        self._opened: tuple[Path, Video] | None = None
        self._spanned: _Spanned | None = None
        self._spool = Spool(Path(config.spool_dir or tempfile.gettempdir()))
        self._spooled: Path | None = None
        self._fetches = 0

    def fetch(self, source: records.Source) -> Fetched:
        """Make a source readable as a file and hash it; a copy of the source before is deleted.

        Raises:
            TransientError: It vanished, changed since it was listed, or cannot be read now.
        """
        self.leave()
        self._fetches += 1
        try:
            is_local = archive.is_local(source.uri)
            if not is_local and (source.size_bytes or 0) >= PROBED_FROM_BYTES:
                with archive.open_source(source.uri, source.etag) as file:
                    check_header(file, _name(source.uri), self._config.decoder)
            spool_dir = Path() if is_local else self._spool.folder
            fetched = archive.fetch(source.uri, spool_dir, source.etag)
        except Exception as error:
            raise failure_of(error, "fetch", source.uri) from error
        self._spooled = fetched.path if fetched.is_spooled else None
        self._uris = {fetched.path: source.uri}
        if source.etag is not None and fetched.etag != source.etag:
            raise TransientError("fetch", f"{source.uri} changed after it was listed; the next scan reads it")
        if source.size_bytes not in (None, fetched.size_bytes):
            # What lies between a store and us may cut an answer short, and its stated length with it.
            raise TransientError(
                "fetch",
                f"{source.uri} arrived with {fetched.size_bytes} bytes and was listed with "
                f"{source.size_bytes}; the next scan reads it",
            )
        return fetched

    def join(self, source: records.Source, fetched: Fetched, *, is_here: bool) -> Fetched:
        """Make a source readable that another reader has fetched, to look at spans of it.

        Args:
            source: as listed.
            fetched: by the other reader.
            is_here: whether that was on this machine.

        Raises:
            TransientError: It changed in between, or cannot be read now.
        """
        if is_here or not fetched.is_spooled:
            self._uris[fetched.path] = source.uri
            return fetched
        ours = self.fetch(source)
        if ours.video_id != fetched.video_id:
            raise TransientError("fetch", f"{source.uri} changed while it was read; the next scan reads it")
        return ours

    def spans(self, fetched: Fetched) -> Spans | None:
        """Return how several readers may divide a video, or None where it is to be read in one piece.

        Divided are those of two spans and more, as far as the header tells, of which spans can be decoded
        apart (`workers.video.pyav_decoder.PyavVideo.spans`).

        Raises:
            WorkerError: as `read`.
        """
        spans = self._open(fetched).spans
        if spans is None or spans.duration_s is None or spans.duration_s < 2 * spans.length_s:
            return None
        self._close()
        return spans

    def read(self, fetched: Fetched, ids: RowIds) -> Iterator[Chunk | records.Video]:
        """Yield clips and rows as they become final, in batches, and last the video's row.

        Raises:
            SourceError: stage `decode`: there is no video in it; stage `detect`: it cannot be worked on;
                stage `commit`: a row does not fit its table.
            TransientError: It changed while it was read, or the machine failed.
        """
        uri = self._uri(fetched)
        fetches, clock = self._fetches, Stopwatch()
        version = Version(fetched, uri)
        try:
            with self._open(fetched) as video:
                self._opened = None
                visit = Visit(
                    self._config, fetched=fetched, ids=ids, uri=uri, duration_s=video.stated_duration_s
                )
                for chunk in self._chunks(visit, self._scout.sights(video.with_signs(), uri)):
                    with clock.stopped():
                        yield chunk
                row = visit.video(video.facts(), clock.seconds)
                version.check()
                yield row
        except SourceError:
            # Half a file that is being replaced looks like a broken one.
            version.check()
            raise
        finally:
            # A reading that was given up is closed late, when the next copy may be there already.
            if fetches == self._fetches:
                self._discard()

    def _chunks(self, visit: Visit, sights: Iterator[Sight | None]) -> Iterator[Chunk]:
        told_s = time.monotonic()
        for sight in sights:
            for chunk in visit.add(sight) if sight is not None else ():
                yield chunk
                told_s = time.monotonic()
            if time.monotonic() - told_s > self._config.heartbeat_s:
                yield visit.sign()
                told_s = time.monotonic()
        yield from visit.finish()

    def stitch(self, fetched: Fetched, ids: RowIds, spans: Spans) -> Stitcher:
        """Begin to put together what readers see of a video's spans, this one among them."""
        uri = self._uri(fetched)
        version = Version(fetched, uri)
        visit = Visit(self._config, fetched=fetched, ids=ids, uri=uri, duration_s=spans.duration_s)
        return Stitcher(visit, version.check)

    def look(
        self, fetched: Fetched, spans: Spans, number: int, after_index: int | None = None
    ) -> Iterator[Sights]:
        """Yield what is to be seen in one span of a video, in stretches; the last one has an `end`.

        Spans that are asked for in ascending order are read in one pass over the file.

        Args:
            fetched: the video.
            spans: what `spans` gave for it.
            number: of the span, from 0.
            after_index: of the last frame that is known already, where the span is looked at again.

        Raises:
            UnsplittableError: it has to be read in one piece.
            TransientError: It changed, or the machine failed.
        """
        uri = self._uri(fetched)
        version = Version(fetched, uri)
        try:
            video = self._open_spans(fetched, spans, number)
            frames = (
                frame for frame in video.frames(number) if after_index is None or frame.index > after_index
            )
            yield from self._scout.batches(frames, uri, video.end)
            version.check()
        except SourceError as error:
            # What is wrong with a video has to be told as if it had not been divided.
            version.check()
            raise UnsplittableError(error.message) from error
        self._spanned = _Spanned(fetched.path, video, number)

    def leave(self) -> None:
        """Release the video that was read or looked at last, and delete its copy."""
        self._close()
        self._discard()
        self._spool.release()

    def _uri(self, fetched: Fetched) -> str:
        return self._uris.get(fetched.path) or file_uri(fetched.path)

    def _open(self, fetched: Fetched) -> Video:
        if self._opened is None or self._opened[0] != fetched.path:
            self._close()
            self._opened = fetched.path, self._decoded(fetched, self._decoder.open)
        return self._opened[1]

    def _open_spans(self, fetched: Fetched, spans: Spans, number: int) -> SpannedVideo:
        """Return the video, opened before where that span is still to come; it is given back when read."""
        before, self._spanned = self._spanned, None
        if before is not None and before.path == fetched.path and before.number < number:
            return before.video
        if before is not None:
            before.video.close()
        return self._decoded(fetched, lambda path: self._decoder.open_spans(path, spans))

    def _decoded(self, fetched: Fetched, open_it: Callable[[Path], _Opened]) -> _Opened:
        try:
            return open_it(fetched.path)
        except Exception as error:
            uri = self._uri(fetched)
            failure = failure_of(error, "decode", uri)
            if not fetched.is_spooled:
                raise failure from error
            # A copy's own name says nothing to anybody.
            message = failure.message.replace(fetched.path.name, _name(uri))
            raise type(failure)(failure.stage, message, failure.cause) from error

    def _close(self) -> None:
        if self._opened is not None:
            self._opened[1].close()
        if self._spanned is not None:
            self._spanned.video.close()
        self._opened = self._spanned = None

    def _discard(self) -> None:
        if self._spooled is not None:
            with suppress(OSError):
                self._spooled.unlink()
            self._spooled = None


def _name(uri: str) -> str:
    return uri.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class _Spanned:
    """A video of which the spans up to a number have been read."""

    path: Path
    video: SpannedVideo
    number: int
