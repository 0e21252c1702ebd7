"""Which rendered face a clip shows, found by time and place: so anybody compares a lake with labels."""

from collections.abc import Sequence

from model.synthetic.film import Label
from storage.records import Clip


def label_of(clip: Clip, labels: Sequence[Label]) -> int | None:
    """Return the place, among the labels of its film, of the one that a clip shows.

    It is the one whose time holds the whole clip and whose box has its centre nearest to that of the crops,
    at most half a side away; None when there is none, as for a clip of what is no face.
    """
    left, top, side = _middle_square(clip)
    found: list[tuple[float, int]] = []
    for place, label in enumerate(labels):
        across = label.x_px + label.w_px / 2 - (left + side / 2)
        down = label.y_px + label.h_px / 2 - (top + side / 2)
        distance = max(abs(across), abs(down))
        if label.start_s <= clip.start_s and clip.end_s < label.end_s and distance <= side / 2:
            found.append((distance, place))
    return min(found)[1] if found else None


def _middle_square(clip: Clip) -> tuple[float, float, float]:
    middle = 3 * (len(clip.frame_indices) // 2)
    left, top, side = clip.crop_xys_px[middle : middle + 3]
    return left, top, side
