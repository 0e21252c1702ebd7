import numpy as np
import pytest

from workers.drawing.lettering import shortened, text_width_px, write_text


@pytest.mark.parametrize("text", ["#12", "ü é ß", "人脸", "лицо"])
def test_text_of_any_script_is_written_where_it_belongs(text: str) -> None:
    image = np.full((60, 300, 3), 255, np.uint8)
    write_text(image, text, (50, 40), (200, 0, 0), size_px=20)
    rows, columns = np.nonzero((image != 255).any(axis=2))
    assert rows.min() >= 18
    assert rows.max() <= 48
    assert columns.min() >= 49
    assert columns.max() - 50 == pytest.approx(text_width_px(text, size_px=20), abs=6)
    darkest = image[rows, columns].astype(int).sum(axis=1).argmin()
    assert image[rows[darkest], columns[darkest]].tolist() == pytest.approx([200, 0, 0], abs=30)


def test_text_beyond_the_picture_is_cut_off() -> None:
    image = np.zeros((20, 20, 3), np.uint8)
    write_text(image, "much too long", (10, 15), (255, 255, 255))
    written = image.copy()
    assert written.any()
    write_text(image, "outside", (-500, 900), (255, 255, 255))
    assert np.array_equal(image, written)


def test_long_names_keep_their_ends() -> None:
    name = "a very long name of a film " * 9 + "end.mp4"
    short = shortened(name, 200)
    assert text_width_px(short) <= 200
    assert short.startswith("…")
    assert short.endswith("end.mp4")
    assert shortened("end.mp4", 200) == "end.mp4"
