import json
import math
import os
import shutil
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av import error as av_error
from numpy.random import default_rng
from PIL import Image
from typer.testing import CliRunner

from flows.cli import app
from flows.faces import CUTS_HEADER, FacesRequest, find_faces
from flows.usage import UsageError
from model.synthetic.scene import sample_shot
from tests.workers.videos import encode, encode_audio, encode_numbers, overwrite, packets_of, side_by_side
from workers.drawing.overlay import Overlay
from workers.reader import ReaderConfig

FRAMES, CUT = 20, 11


@pytest.fixture(scope="module")
def film(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person for eleven frames, then a cut to somebody elsewhere; ten frames a second, a little late."""
    images: list[Any] = []
    for name, count in (("000.mp4", CUT), ("002.mp4", FRAMES - CUT)):
        with av.open(str(films / name)) as container:
            frames = (frame.to_ndarray(format="rgb24") for frame in container.decode(video=0))
            images += [next(frames) for _ in range(count)]
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    return encode(path, images, fps=10, pts=[n + 5 + (n > 3) for n in range(FRAMES)])


def run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["faces", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def rows_of(path: Path) -> list[list[float]]:
    return [[float(cell) for cell in line.split(",")] for line in path.read_text().splitlines()]


def times_of(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [round(frame.time or 0.0, 4) for frame in container.decode(video=0)]


def test_what_is_found_is_printed_and_written(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, text, _ = run(film, "--mot", "m.csv", "--cuts", "c.csv", "--overlay", "o.mp4")
    assert code == 0
    rows = rows_of(tmp_path / "m.csv")
    assert all(len(row) == 9 and row[7:] == [-1, -1] and 0 < row[6] <= 1 for row in rows)
    ids = {row[1] for row in rows}
    assert ids == set(map(float, range(1, len(ids) + 1)))
    assert {row[0] for row in rows} >= set(range(2, FRAMES))
    assert (tmp_path / "c.csv").read_text() == f"{CUTS_HEADER}\n{CUT + 1}\n"
    for of_id in ids:
        frames = [row[0] for row in rows if row[1] == of_id]
        assert max(frames) <= CUT or min(frames) > CUT
    assert cv2.imread("film.faces.png") is not None
    assert times_of(tmp_path / "o.mp4") == times_of(film)
    assert f"at frame {CUT + 1}" in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.csv", "film.faces.png", "m.csv", "o.mp4"]
    for name in ("m.csv", "c.csv", "o.mp4", "film.faces.png"):
        assert f"wrote {name}" in text


def test_json_says_the_same(film: Path, tmp_path: Path) -> None:
    code, text, _ = run(film, "--no-sheet", "--json", "--mot", tmp_path / "m.csv")
    found = json.loads(text)
    assert code == 0
    rows = rows_of(tmp_path / "m.csv")
    assert found["faces"] == len(rows)
    assert [cut["first_frame"] for cut in found["cuts"]] == [CUT + 1]
    for track in found["tracks"]:
        frames = [row[0] for row in rows if row[1] == track["track_index"] + 1]
        assert (track["first_frame"], track["last_frame"], track["frames"]) == (
            min(frames),
            max(frames),
            len(frames),
        )
        assert (track["clips"] > 0) == (track["no_clip_reason"] is None)
    assert found["written"] == [str(tmp_path / "m.csv")]


def test_frames_between_looks_are_filled(film: Path, tmp_path: Path) -> None:
    config = ReaderConfig()
    every, some = tmp_path / "every.csv", tmp_path / "some.csv"
    find_faces(FacesRequest(film, config, mot=every), ignore)
    found = find_faces(FacesRequest(film, config, sample_fps=5.0, mot=some, sheet=tmp_path / "s.png"), ignore)
    assert found.reading.video.frames_sampled < FRAMES * 0.6
    exact = {(row[0], row[1]): row for row in rows_of(every)}
    filled = rows_of(some)
    assert {row[0] for row in filled if row[0] < CUT} == set(range(1, CUT))
    for row in filled:
        if (row[0], row[1]) in exact:
            assert row[2:6] == pytest.approx(exact[row[0], row[1]][2:6], abs=12)


def ignore(step: str, done_s: float, total_s: float | None) -> None:
    assert step in {"finding faces", "drawing"}
    assert 0 <= done_s <= (total_s or math.inf) + 1


def test_no_face_is_said_and_is_no_failure(films: Path, tmp_path: Path) -> None:
    sheet, mot = tmp_path / "s.png", tmp_path / "m.csv"
    code, text, _ = run(films / "003.mp4", "--sheet", sheet, "--mot", mot)
    assert code == 0
    assert "none in" in text
    assert mot.read_text() == ""
    assert cv2.imread(str(sheet)) is not None


def test_what_cannot_be_decoded_is_not_counted(film: Path, tmp_path: Path) -> None:
    path = side_by_side(tmp_path / "v.mp4", [film], lambda _: None)
    for packet in packets_of(path)[3:5]:
        overwrite(path, packet.pos or 0, packet.size)
    decoded = 0
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            try:
                decoded += len(packet.decode())
            except av_error.InvalidDataError:
                continue
    assert decoded < FRAMES
    mot, cuts = tmp_path / "m.csv", tmp_path / "c.csv"
    code, text, _ = run(path, "--no-sheet", "--mot", mot, "--cuts", cuts, "--overlay", tmp_path / "o.mp4")
    assert code == 0
    assert "read only in part" in text
    assert max(row[0] for row in rows_of(mot)) <= decoded
    assert cuts.read_text().splitlines()[1:] == [str(CUT + 1 - (FRAMES - decoded))]
    assert len(times_of(tmp_path / "o.mp4")) == decoded


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{tmp}/nowhere.mp4"], "there is no such file"),
        (["{tmp}"], "is a folder"),
        (["/dev/null"], "not a regular file"),
        (["{film}", "--recipe", "{tmp}/none.toml"], "no such file"),
        (["{film}", "--sample-fps", "0"], "--sample-fps 0: give a positive number"),
        (["{film}", "--sample-fps", "nan"], "--sample-fps nan: give a positive number"),
        (["{film}", "--mot", "{tmp}/none/m.csv"], "there is no folder"),
        (["{film}", "--mot", "{tmp}"], "is a folder; name a file"),
        (["{film}", "--cuts", "{film}"], "would overwrite"),
        (["{film}", "--cuts", "{tmp}/x", "--mot", "{tmp}/x"], "would overwrite --mot"),
        (["{film}", "--overlay", "{tmp}/o.avi"], "ends in .mp4, .m4v, .mov, .mkv"),
        (["{film}", "--sheet", "/proc/s.png"], "--sheet /proc/s.png"),
    ],
)
def test_bad_usage_is_one_line_and_2(arguments: list[str], says: str, film: Path, tmp_path: Path) -> None:
    before = film.read_bytes()
    sheet = [] if "--sheet" in arguments else ["--no-sheet"]
    code, text, error = run(*(argument.format(tmp=tmp_path, film=film) for argument in arguments), *sheet)
    assert (code, text) == (1 if "/proc/s.png" in arguments and os.access("/proc", os.W_OK) else 2, "")
    assert error.count("\n") == 1
    assert says in error or "/proc/s.png" in error
    assert film.read_bytes() == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["text", "empty", "sound", "cut short"])
def test_what_is_no_video_is_one_line_and_1(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "v.mp4"
    match kind:
        case "text":
            path.write_text("only words\n" * 100)
        case "empty":
            path.touch()
        case "sound":
            encode_audio(path)
        case _:
            encode_numbers(path, 20)
            path.write_bytes(path.read_bytes()[:-500])
    code, text, error = run(path, "--overlay", "o.mp4")
    assert (code, text) == (1, "")
    assert error.startswith("facesift: decode: v.mp4: ")
    assert error.count("\n") == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["v.mp4"]


@pytest.mark.parametrize(
    "name", ["-v.mp4", "a b'\"%d.mp4", "ü 人.mp4", "http:x.mp4", "line\nfeed.mp4", "\udcff.mp4"]
)
def test_a_strange_name_is_only_a_name(
    name: str, films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(films / "003.mp4", tmp_path / name)
    code, text, error = run("--sample-fps", "2", "--overlay", "o.mp4", "--", name)
    assert (code, error) == (0, "")
    assert text.count("wrote ") == 2
    assert (tmp_path / f"{Path(name).stem}.faces.png").is_file()


def test_the_longest_name_has_room_for_what_is_written(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name, overlay = 83 * "人" + "xx.mp4", 251 * "o" + ".mp4"
    assert len(name.encode()) == len(overlay) == 255
    shutil.copy(films / "003.mp4", tmp_path / name)
    code, _, error = run(name, "--sample-fps", "2", "--overlay", overlay)
    assert (code, error) == (0, "")
    assert [len(os.fsencode(path.name)) for path in tmp_path.iterdir()] == [255, 255, 255]
    code, _, error = run(name, "--no-sheet", "--mot", 300 * "m")
    assert code == 2
    assert "File name too long" in error


def test_faces_can_be_numbered_by_person(tmp_path: Path) -> None:
    """One who is there, then nobody, then the same one again elsewhere."""
    image, _ = sample_shot(default_rng(2), size_px=(320, 240), seconds=2.0, people=1).picture_at(0.5, 0)
    nobody = np.full_like(image, 90)
    nobody[::2] = 160
    pictures = [image] * 5 + [nobody] * 5 + [np.ascontiguousarray(np.roll(image, 12, axis=1))] * 5
    path = encode(tmp_path / "v.mkv", pictures, fps=10)
    ids: dict[str, list[tuple[float, float]]] = {}
    for of in ("track", "person"):
        code, _, error = run(path, "--no-sheet", "--mot", tmp_path / of, "--mot-id", of)
        assert (code, error) == (0, "")
        ids[of] = [(row[0], row[1]) for row in rows_of(tmp_path / of)]
    frames = [*range(1, 6), *range(11, 16)]
    assert ids["track"] == [(n, 1 if n < 6 else 2) for n in frames]
    assert ids["person"] == [(n, 1) for n in frames]


def test_what_the_looks_skipped_and_cannot_be_decoded_is_not_counted(film: Path, tmp_path: Path) -> None:
    path = side_by_side(tmp_path / "v.mp4", [film], lambda _: None)
    second = sorted(packets_of(path), key=lambda packet: packet.pts or 0)[1]  # nothing refers to it
    overwrite(path, (second.pos or 0) + 5, second.size - 5)  # all but what says so
    mot, cuts = tmp_path / "m.csv", tmp_path / "c.csv"
    code, text, _ = run(path, "--sample-fps", "5", "--no-sheet", "--mot", mot, "--cuts", cuts)
    assert code == 0
    assert "read only in part" not in text
    numbers = {row[0] for row in rows_of(mot)}
    assert set(range(1, CUT - 1)) < numbers
    assert max(numbers) == FRAMES - 1
    assert cuts.read_text().splitlines()[1:] == [str(CUT)]


def test_a_picture_that_h264_cannot_hold_is_one_line_and_1(tmp_path: Path) -> None:
    Image.new("RGB", (17000, 8)).save(tmp_path / "p.png")
    code, _, error = run(tmp_path / "p.png", "--no-sheet", "--overlay", tmp_path / "o.mp4")
    assert code == 1
    assert error.startswith(f"facesift: {tmp_path / 'o.mp4'}: H.264 of 17000x8 pixels cannot be written")
    assert not (tmp_path / "o.mp4").exists()


def test_a_picture_is_a_video_of_one_frame(films: Path, tmp_path: Path) -> None:
    with av.open(str(films / "000.mp4")) as container:
        next(container.decode(video=0)).to_image().save(tmp_path / "p.png")
    code, text, _ = run(tmp_path / "p.png", "--sheet", tmp_path / "s.png", "--overlay", tmp_path / "o.mp4")
    assert code == 0
    assert "in 1 of 1 frames" in text
    assert ", one picture, png" in text
    assert len(times_of(tmp_path / "o.mp4")) == 1


def test_what_fails_halfway_leaves_no_file(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    out = tmp_path / "o.mp4"
    out.write_bytes(b"as it was")
    monkeypatch.setattr(Overlay, "add", fail)
    code, _, error = run(film, "--no-sheet", "--overlay", out)
    assert code == 1
    assert "No space left" in error
    assert out.read_bytes() == b"as it was"
    assert list(tmp_path.iterdir()) == [out]


def test_the_request_can_be_checked_from_python(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such file"):
        find_faces(FacesRequest(tmp_path / "v.mp4", ReaderConfig()), ignore)
