"""The one face of rendered pictures, frames taken out of videos, and whole pictures as faces."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.synthetic.archive import ArchiveConfig, write_archive
from storage.archive import list_sources
from storage.records import Source
from tests.storage.rows import at
from tests.workers.videos import number_of, numbered
from workers.faces.detection import DetectorConfig
from workers.faces.detector import load_detector
from workers.failure import WorkerError
from workers.reader import Reader, ReaderConfig
from workers.single_face import NoSingleFace, single_face
from workers.video.decoder import Decoder, DecoderConfig
from workers.video.stills import write_film, write_stills


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One person for a second."""
    folder = tmp_path_factory.mktemp("film")
    config = ArchiveConfig(sizes_px=((320, 240),), seconds=(1.0, 1.0), people=(1.0,))
    write_archive(folder, 1, seed=3, config=config)
    return folder / "000.mp4"


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(ReaderConfig())


def source(path: Path) -> Source:
    (listed,) = list_sources([str(path)])
    return Source(listed.uri, listed.size_bytes, listed.etag, listed.modified_at, at(0), "", "")


def test_frames_are_counted_from_zero_and_kept(film: Path, tmp_path: Path) -> None:
    stills = {number: tmp_path / f"{number}.png" for number in (0, 3, 10_000)}
    assert write_stills(film, stills) == {0, 3}
    first, fourth = (np.asarray(Image.open(stills[number])).astype(int) for number in (0, 3))
    assert first.shape == (240, 320, 3)
    assert np.abs(first - fourth).mean() > 0.1
    stills[0].write_bytes(b"kept")
    assert write_stills(film, {0: stills[0]}) == {0}
    assert stills[0].read_bytes() == b"kept"
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(WorkerError):
        write_stills(tmp_path / "text.mp4", {0: tmp_path / "x.png"})


def test_pictures_of_a_folder_are_a_video_of_the_same_pixels(tmp_path: Path) -> None:
    folder, film = tmp_path / "00001", tmp_path / "films" / "00001.mkv"
    folder.mkdir()
    for number in range(1, 12):  # 10 comes after 9
        Image.fromarray(numbered(number)).save(folder / f"00001_{number}.jpg")
    write_film(folder, film, 8.0)
    with Decoder(DecoderConfig(sample_fps=8)).open(film) as frames:
        seen = [(frame.pts_s, number_of(frame.image)) for frame in frames]
    assert seen == [(number / 8, number + 1) for number in range(11)]
    content = film.read_bytes()
    film.unlink()
    write_film(folder, film, 8.0)
    assert film.read_bytes() == content
    write_film(tmp_path / "nowhere", film, 8.0)  # what is there stays
    for name, message in (("none", "no numbered .jpg"), ("text", "cannot identify")):
        (tmp_path / name).mkdir()
        (tmp_path / "text" / "1.jpg").write_text("no picture") if name == "text" else None
        with pytest.raises(WorkerError, match=message):
            write_film(tmp_path / name, tmp_path / "films" / f"{name}.mkv", 8.0)
    assert [path.name for path in film.parent.iterdir()] == ["00001.mkv"]


def test_one_face_two_faces_no_face(film: Path, tmp_path: Path, reader: Reader) -> None:
    write_stills(film, {2: tmp_path / "one.png"})
    one = Image.open(tmp_path / "one.png")
    two = Image.new("RGB", (640, 240))
    two.paste(one, (0, 0))
    two.paste(one, (320, 0))
    two.save(tmp_path / "two.png")
    Image.new("RGB", (320, 240), (90, 120, 90)).save(tmp_path / "none.png")
    found = single_face(reader, source(tmp_path / "one.png"), 0.7)
    assert not isinstance(found, NoSingleFace)
    assert found.clip.crops.shape == (8, 256, 256, 3)
    assert single_face(reader, source(tmp_path / "two.png"), 0.7) == NoSingleFace("several faces")
    assert single_face(reader, source(tmp_path / "none.png"), 0.7) == NoSingleFace("no face")
    in_film = single_face(reader, source(film), 0.7)
    assert not isinstance(in_film, NoSingleFace)
    assert len(set(in_film.record.frame_indices)) == 8


def test_a_whole_picture_is_a_face(film: Path, tmp_path: Path, reader: Reader) -> None:
    write_stills(film, {2: tmp_path / "one.png"})
    found = single_face(reader, source(tmp_path / "one.png"), 0.7)
    assert not isinstance(found, NoSingleFace)
    tight = found.clip.crops[0]
    detector = load_detector(DetectorConfig(backend="whole_picture"))
    ((face,),) = detector.detect([tight])
    assert face.detector_xywh_px == (0, 0, 256, 256)
    assert np.abs(face.landmarks_px - found.clip.landmarks_px[0]).mean() < 0.02 * 256
    ((blank,),) = detector.detect([np.full((64, 48, 3), 128, np.uint8)])
    assert blank.detector_xywh_px == (0, 0, 48, 64)
    with pytest.raises(ValueError, match="pack is for"):
        DetectorConfig(backend="whole_picture", pack="/models")
