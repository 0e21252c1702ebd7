"""Decoding with PyAV (FFmpeg): every frame once, in presentation order, from whatever can be read."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path

from av import VideoFrame
from av import error as av_error

from workers.clock import Stopwatch
from workers.failure import SourceError, UndecodableError
from workers.video.account import Account, facts_of
from workers.video.canvas import Canvas, Deinterlacer
from workers.video.demuxer import Demuxer
from workers.video.exif import mirrored_turn
from workers.video.frames import DecoderConfig, Facts, Frame
from workers.video.numbering import ByTimestamp, Placed, VideoPacket, as_decoded, by_timestamp
from workers.video.probe import check_memory, scan_of
from workers.video.span_cutter import can_begin_at_key_frames
from workers.video.spans import Spans
from workers.video.survey import Survey, credible, survey_of
from workers.video.timeline import Place, Sampler

_FIELD_CONTAINERS = {"mpeg", "mpegts", "h264", "hevc", "mpegvideo"}
"""Where a packet may hold a single field, so that packets are not frames."""

SILENT_S = 10.0
"""Seconds of decoding without a sampled frame after which there is a sign of life."""


class PyavVideo:
    """A video opened for one pass; iterate once, then ask `facts`.

    Damage costs what is damaged: a packet that cannot be decoded is counted and the next one is tried, and a
    picture of which the decoder has filled in a part is handed on and counted. Limits of time and number of
    frames end the pass and mark the video as partial. Frames that sampling skips undecoded count as decoded
    unless their packets are found damaged.

    Args:
        path: A file.
        config: The decoder's configuration.

    Raises:
        SourceError: Not a video, without a video stream, or too large to decode.
        TransientError: The file cannot be read.
    """

    def __init__(self, path: Path, config: DecoderConfig) -> None:
        self._path = path
        self._config = config
        survey = self._open()
        self._clock = Stopwatch()
        self._stream, self._header = self._demuxer.stream, self._demuxer.header
        try:
            self._prepare(survey)
        except BaseException:
            self._demuxer.close()
            raise

    def _open(self) -> Survey:
        """Open the file, and return what was seen when it was gone through before."""
        survey = self._surveyed(is_edit_list_followed=True)
        self._is_edit_list_followed = True
        if not survey.frames:
            bare = self._surveyed(is_edit_list_followed=False)
            if bare.frames:
                self._is_edit_list_followed, survey = False, bare
        self._demuxer = Demuxer(self._path, self._config, is_edit_list_followed=self._is_edit_list_followed)
        return survey

    def _surveyed(self, *, is_edit_list_followed: bool) -> Survey:
        with closing(
            Demuxer(self._path, self._config, is_edit_list_followed=is_edit_list_followed)
        ) as demuxer:
            return survey_of(demuxer, self._config.max_frames)

    def _prepare(self, survey: Survey) -> None:
        config, stream, header = self._config, self._stream, self._header
        turn = mirrored_turn(self._path)
        self._canvas = Canvas(header.sample_aspect_ratio, config.max_pixels, header.codec, turn)
        is_interlaced = scan_of(stream) == "interlaced"
        self._deinterlacer = Deinterlacer() if is_interlaced else None
        self._account = Account(header.pixel_format)
        if not self._is_edit_list_followed:
            self._account.remark = "its edit list shows none of its frames and is not followed"
        sampler = Sampler(header.time_base, config.sample_fps)
        self._packets = credible(self._demuxer.packets(), header.time_base)
        is_fields = is_interlaced and header.container in _FIELD_CONTAINERS
        if survey.tells_order and not is_fields:
            self._numbering = by_timestamp(header, config, sampler, most_held=survey.most_held)
        else:
            is_in_decoding_order = survey.is_in_decoding_order and not is_fields
            self._numbering = as_decoded(stream, header, sampler, is_in_decoding_order=is_in_decoding_order)

    def close(self) -> None:
        """Release the file."""
        self._demuxer.close()

    def __iter__(self) -> Iterator[Frame | None]:
        """Yield the sampled frames in presentation order, and None as a sign of life where they are rare."""
        told_s = 0.0
        for place, picture in self._pictures():
            frame = self._frame(place, picture)
            if frame is None and self._clock.seconds - told_s < SILENT_S:
                continue
            told_s = self._clock.seconds
            with self._clock.stopped():
                yield frame

    def _frame(self, place: Place, picture: VideoFrame) -> Frame | None:
        """Return the picture as it is handed on; None where it is not."""
        if not place.is_wanted or place.index is None:
            return None
        if self._account.sampled == 0:
            self._account.pixel_format = picture.format.name
        image = self._canvas.paint(picture)
        self._account.sampled += 1
        return Frame(place.index, place.pts, float(place.pts * self._header.time_base), image)

    def _pictures(self) -> Iterator[tuple[Place, VideoFrame]]:
        for place, picture in self._decoded():
            if self._deinterlacer is None and picture.interlaced_frame:
                self._deinterlacer = Deinterlacer()  # the header kept it quiet, or it has just begun
            if self._deinterlacer is None:
                yield place, picture
            else:
                yield from self._deinterlacer.add(place, picture)
        if self._deinterlacer is not None:
            yield from self._deinterlacer.finish()

    def _decoded(self) -> Iterator[tuple[Place, VideoFrame]]:
        context = self._stream.codec_context
        for packet, is_wanted in self._numbering.packets(self._packets):
            # yadif looks at the pictures before and after, so there nothing is skipped.
            is_needed = is_wanted or self._deinterlacer is not None
            context.skip_frame = "DEFAULT" if is_needed else "NONREF"
            yield from self._counted(self._placed(self._sent(packet)))
            if self._is_over_limit():
                return
        context.skip_frame = "DEFAULT"
        yield from self._counted(self._placed(self._sent(None)))
        yield from self._counted(self._numbering.finish())

    def _placed(self, pictures: list[VideoFrame]) -> Iterator[Placed]:
        return chain.from_iterable(map(self._numbering.placed, pictures))

    def _counted(self, placed: Iterable[Placed]) -> Iterator[Placed]:
        for place, picture in placed:
            assert place.index is not None
            if place.index >= self._config.max_frames:
                self._account.stopped = (
                    f"frames after decoder.max_frames={self._config.max_frames} were left unread"
                )
                return
            self._account.last = place
            # With several threads a picture may come before its flag: sometimes there, it is never counted.
            self._account.concealed += picture.is_corrupt and self._config.threads == 1
            yield place, picture

    def _is_over_limit(self) -> bool:
        account = self._account
        if account.stopped is None and self._clock.seconds > self._config.max_seconds:
            account.stopped = f"not read further after decoder.max_seconds={self._config.max_seconds:g}"
        return account.stopped is not None

    def _sent(self, packet: "VideoPacket | None") -> list[VideoFrame]:
        try:
            return self._stream.codec_context.decode(packet)
        except av_error.FFmpegError:  # also its MemoryError: broken headers ask for absurd amounts
            check_memory(self._path)
            self._account.errors += 1
            return []

    @property
    def stated_duration_s(self) -> float | None:
        """Length of the video as the header states it; it may lie."""
        return self._header.duration_s

    @property
    def spans(self) -> Spans | None:
        """How the video may be read in spans, once its first frame was decoded; None where it may not.

        It may where frames are numbered by their packets, pictures are whole, and the codec starts afresh at
        its key frames.
        """
        is_safe = isinstance(self._numbering, ByTimestamp) and self._deinterlacer is None
        if (
            not is_safe
            or not self._is_edit_list_followed
            or not can_begin_at_key_frames(self._header.codec)
            or self._canvas.size_px is None
        ):
            return None
        if self._account.errors or self._demuxer.errors:
            return None
        return Spans(
            self._config.span_s,
            self._header.duration_s or self._header.file_duration_s,
            self._canvas.size_px,
            self._canvas.rotation_deg,
            self._account.pixel_format,
        )

    def facts(self) -> Facts:
        """Return what is known of the video, complete once the iteration has ended.

        Raises:
            UndecodableError: No frame could be decoded.
            SourceError: Nor was there time to try them all.
        """
        numbering, account, demuxer = self._numbering, self._account, self._demuxer
        account.stopped = account.stopped or demuxer.stopped
        if self._canvas.size_px is None or account.last is None:
            raise self._failure(account.errors + demuxer.errors)
        damaged = max(account.errors, numbering.lost) + demuxer.errors
        return facts_of(
            self._header,
            account,
            size_px=self._canvas.size_px,
            rotation_deg=self._canvas.rotation_deg,
            frames=numbering.frames,
            damaged=damaged,
            span_pts=numbering.span_pts,
            unnumbered=demuxer.errors if isinstance(numbering, ByTimestamp) else damaged,
        )

    def _failure(self, damaged: int) -> SourceError:
        what = f"{self._path.name}: no frame could be decoded"
        reason = self._account.stopped or (f"damaged packets: {damaged}" if damaged else "it holds none")
        context = self._stream.codec_context
        if not context.width * context.height:
            # Not for another decoder either, which cannot be told of a largest picture.
            hint = "nor its size be read: it is broken, or larger than decoder.max_pixels"
            return SourceError("decode", f"{what}, {hint} ({reason})")
        # What takes too long here would take another decoder as long.
        kind = UndecodableError if self._account.stopped is None else SourceError
        return kind("decode", f"{what} ({reason})")
