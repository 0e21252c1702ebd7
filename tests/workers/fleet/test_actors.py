import traceback

import pytest

from workers.failure import TransientError, failure_of
from workers.fleet.actors import bare


@bare
def fetch(name: str) -> None:
    try:
        raise FileNotFoundError(2, "no such file", name)
    except OSError as error:
        raise failure_of(error, "fetch", name) from error


def test_a_failure_crosses_processes_whatever_the_name_of_the_file() -> None:
    with pytest.raises(TransientError) as caught:
        fetch("bad\udcff.mp4")
    told = "".join(traceback.format_exception(caught.value))
    assert "disappeared" in told
    told.encode()
