import pytest

from flows.display import progress
from flows.display.progress import ScanProgress


def test_a_log_gets_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "LINE_S", 0.0)
    with ScanProgress("lines") as shown:
        shown.listed(1000)
        shown.planned(3)
        shown.settled("/a.mp4")
        shown.settled("/b.mp4")
    written = capsys.readouterr()
    assert written.out == ""
    assert [line.partition(" after ")[0] for line in written.err.splitlines()] == [
        "facesift: 1,000 sources listed",
        "facesift: 3 sources to read",
        "facesift: 1 of 3 sources settled",
        "facesift: 2 of 3 sources settled",
    ]


@pytest.mark.parametrize("kind", ["lines", "none"])
def test_a_short_scan_writes_no_line(kind: progress.ProgressKind, capsys: pytest.CaptureFixture[str]) -> None:
    with ScanProgress(kind) as shown:
        shown.listed(2)
        shown.planned(2)
        shown.settled("/a.mp4")
    assert capsys.readouterr().err == ""
