"""Silence for libraries that talk to the terminal behind Python's back."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def hushed() -> Generator[TextIO]:
    """Send nowhere what is written to the process's standard error; the real one is what the block gets.

    LiteRT and decord announce themselves and every file that they cannot open on file descriptor 2; what they
    fail at is raised as well, and told in our own words.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        with os.fdopen(kept, "w", encoding="utf-8", errors="backslashreplace", closefd=False) as voice:
            yield voice
    finally:
        os.dup2(kept, 2)
        os.close(kept)
