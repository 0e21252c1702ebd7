import cv2
import numpy as np
from numpy.typing import NDArray

from storage.records import Box
from tests.workers.readings import FPS, WholeReading, made_reading
from workers.drawing.contact_sheet import MAX_ROWS, ContactSheet, encode_png
from workers.drawing.palette import colour_of
from workers.video.frames import Frame

Image = NDArray[np.uint8]
FACE_RGB = (10, 20, 250)
SIDE = 40.0


def sheet_of(reading: WholeReading, frames: int, *, every: int = 1) -> Image:
    """Draw a reading whose faces are blue on grey."""
    boxes: dict[int, list[Box]] = {}
    for box in reading.rows_of_boxes:
        boxes.setdefault(box.frame_index, []).append(box)
    sheet = ContactSheet(reading, reading.boxes, "film.mp4", clips={}, persons={})
    for number in range(0, frames, every):
        image = np.full((240, 320, 3), 128, np.uint8)
        for box in boxes.get(number, []):
            x, y = round(box.x_px), round(box.y_px)
            image[max(0, y) : y + round(box.h_px), max(0, x) : x + round(box.w_px)] = FACE_RGB
        sheet.add(Frame(number, number, number / FPS, image), is_looked_at=True)
    return sheet.draw()


def near(image: Image, colour: tuple[int, int, int]) -> NDArray[np.bool_]:
    return (np.abs(image.astype(int) - np.array(colour)).max(axis=2) < 12).astype(bool)


def test_a_track_is_a_strip_of_its_faces_over_a_bar_with_its_gaps() -> None:
    box = (100.0, 80.0, SIDE, SIDE)
    seen = [*range(50), *range(150, 250)]
    image = sheet_of(made_reading([dict.fromkeys(seen, box)], frames=250), 250)
    label_px = 270
    bar = near(image, colour_of(0))[:, label_px:].sum(axis=1).argmax()
    columns = near(image, colour_of(0))[bar, label_px:-20]
    left, width = int(columns.argmax()), columns.size - int(columns[::-1].argmax()) - int(columns.argmax())
    drawn = columns[left : left + width]
    assert drawn[: int(width * 0.19)].all()
    assert not drawn[int(width * 0.22) : int(width * 0.58)].any()
    assert drawn[int(width * 0.62) :].all()
    faces = near(image, FACE_RGB)[bar - 40, label_px:-20][left : left + width]
    assert faces[: int(width * 0.19)].mean() > 0.5
    assert not faces[int(width * 0.3) : int(width * 0.59)].any()
    assert faces[int(width * 0.62) : int(width * 0.9)].mean() > 0.5
    best = near(image, (250, 190, 40))
    columns_of_best = np.nonzero(best.any(axis=0))[0] - label_px - left
    assert width * 0.6 < columns_of_best.mean() < width * 0.7  # the best is in the middle of what is seen


def test_cuts_are_lines_at_their_times() -> None:
    tracks = [dict.fromkeys(range(100), (10.0, 10.0, SIDE, SIDE))]
    plain = sheet_of(made_reading(tracks, frames=100), 100)
    image = sheet_of(made_reading(tracks, frames=100, cuts=[25, 75]), 100)
    is_new = near(image, (214, 60, 72))[110:] & ~near(plain, (214, 60, 72))[110:]
    columns = np.nonzero(is_new.sum(axis=0) > 20)[0]
    assert len(columns) == 2
    assert columns[1] - columns[0] == 700  # half of the axis


def test_what_is_at_the_edge_is_drawn() -> None:
    tracks = [{0: (-30.0, -30.0, 60.0, 60.0)}, {99: (300.0, 220.0, 60.0, 60.0)}]
    image = sheet_of(made_reading(tracks, frames=100), 100)
    assert near(image, FACE_RGB).sum() > 500


def test_many_tracks_and_a_long_video_stay_bounded() -> None:
    frames = 2 * 3600 * FPS
    tracks = [
        dict.fromkeys(range(number * 100, number * 100 + 60 + number % 7, 3), (5.0, 5.0, SIDE, SIDE))
        for number in range(MAX_ROWS + 36)
    ]
    cuts = list(range(100, frames, 100))
    image = sheet_of(made_reading(tracks, frames=frames, cuts=cuts), 60_00, every=30)
    height_px, width_px = image.shape[:2]
    assert width_px < 2000
    assert height_px < 8000
    assert height_px == sheet_of(made_reading(tracks[:-30], frames=frames), 1).shape[0]
    assert len(encode_png(image)) < 8_000_000


def test_no_face_is_said() -> None:
    image = sheet_of(made_reading([], frames=10, cuts=[5]), 10)
    assert image.shape[0] < 400
    assert near(image[120:-50], (112, 112, 120)).any()


def test_one_frame_is_enough() -> None:
    image = sheet_of(made_reading([{0: (50.0, 50.0, SIDE, SIDE)}], frames=1), 1)
    assert near(image, FACE_RGB).sum() > 1000


def test_the_picture_is_a_png_of_the_same_colours() -> None:
    image = sheet_of(made_reading([{0: (50.0, 50.0, SIDE, SIDE)}], frames=1), 1)
    back = cv2.imdecode(np.frombuffer(encode_png(image), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert back is not None
    assert np.array_equal(back, image)
