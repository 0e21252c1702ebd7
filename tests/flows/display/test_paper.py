import numpy as np

from flows.display.paper import INK, STRONG, Paper


def test_a_long_line_is_broken_at_spaces_and_a_long_word_within() -> None:
    lines = Paper.wrap("a face that looks at the camera " + "x" * 80, 120)
    assert " ".join(lines[:-1]).startswith("a face that looks at the camera x")
    assert "".join(line for line in lines if set(line) == {"x"}) == "x" * 80
    assert all(Paper.width_of(line) <= 120 for line in lines)
    assert Paper.wrap("", 100) == [""]


def test_what_does_not_fit_is_cut_off_its_end() -> None:
    assert Paper.shorten("short", 100) == "short"
    cut = Paper.shorten("a rather long name of a file.mp4", 100)
    assert cut.startswith("a rather")
    assert cut.endswith("…")
    assert Paper.width_of(cut) <= 100


def test_letters_beyond_ascii_are_drawn() -> None:
    drawn = Paper(200, 40)
    drawn.write("Größe", (5, 25), INK, 20)
    plain = Paper(200, 40)
    plain.write("Grö e", (5, 25), INK, 20)
    assert (drawn.image != plain.image).any()


def test_a_bar_stays_in_its_box() -> None:
    paper = Paper(120, 30)
    paper.bar((10, 8, 80, 10), STRONG)
    changed = np.argwhere((paper.image != Paper(120, 30).image).any(axis=2))
    # The smooth edge of its round ends may touch one more pixel.
    assert np.abs(changed.min(axis=0) - [8, 10]).max() <= 1
    assert np.abs(changed.max(axis=0) - [17, 89]).max() <= 1
    empty = Paper(120, 30)
    empty.bar((10, 8, 0, 10), STRONG)
    assert (empty.image == Paper(120, 30).image).all()
