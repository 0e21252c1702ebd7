"""A file's video packets in decoding order, whatever lies between them."""

from collections.abc import Iterator
from pathlib import Path

from av import VideoStream
from av import error as av_error

from workers.video.frames import DecoderConfig
from workers.video.numbering import VideoPacket
from workers.video.probe import (
    check_memory,
    check_readable,
    check_size,
    choose_stream,
    decoder_options,
    open_container,
    read_header,
)

_ERRORS_AT_A_TIME = 16
"""Unreadable packets in a row after which the rest of a file is given up."""


class Demuxer:
    """An opened file; go through its packets once.

    The packets depend on the file alone, and not on what is decoded.

    Args:
        path: A file.
        config: The decoder's configuration.
        is_edit_list_followed: Whether only those parts of MP4 and QuickTime are seen that they say are shown.

    Raises:
        SourceError: Not a video, without a video stream, or too large to decode.
        TransientError: The file cannot be read.
    """

    def __init__(self, path: Path, config: DecoderConfig, *, is_edit_list_followed: bool = True) -> None:
        self._path, self._config = path, config
        self._container = open_container(path, config, is_edit_list_followed=is_edit_list_followed)
        self.errors = 0
        """Packets that could not be read."""
        self.stopped: str | None = None
        """Why the file was not read to its end."""
        try:
            self.stream: VideoStream = choose_stream(self._container, path.name)
            check_size(self.stream, config, path.name)
            self.header = read_header(self._container, self.stream)
        except BaseException:
            self._container.close()
            raise
        context = self.stream.codec_context
        # With one thread the pixels of damaged frames do not depend on timing.
        context.thread_type = "AUTO" if config.threads > 1 else "NONE"
        context.thread_count = config.threads
        # The header was checked; this bounds what a stream switches to later.
        context.options = decoder_options(config, self.stream)

    def close(self) -> None:
        """Release the file."""
        self._container.close()

    def packets(self) -> Iterator[VideoPacket]:
        """Yield the packets; those that cannot be read are counted and passed over.

        Raises:
            TransientError: The file cannot be read any more, or there is no memory.
        """
        errors_in_a_row = 0
        while errors_in_a_row < _ERRORS_AT_A_TIME:
            try:
                for packet in self._container.demux(self.stream):
                    errors_in_a_row = 0
                    if packet.size:  # flushing is done by whoever stops sending
                        yield packet
            except av_error.ExitError:
                self.stopped = f"a packet took over decoder.max_seconds={self._config.max_seconds:g} to read"
                return
            except IndexError:
                return  # of PyAV at the end of a file in which streams appeared late
            except av_error.FFmpegError:
                check_memory(self._path)
                if not self.errors:  # once: it reads the whole file
                    check_readable(self._path)
                self.errors += 1
                errors_in_a_row += 1
            else:
                return
