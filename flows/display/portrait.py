"""The annotated picture of a description: each face, its landmarks and clip, and the labels with scores."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from flows.describe import ClipAccount, Description, FaceAccount
from flows.display.accounts import shape_text, track_text
from flows.display.paper import ALERT, ALERT_INK, FAINT, INK, QUIET, Paper
from flows.display.score_blocks import ScoreBlock, blocks_of
from flows.summary import DEMONSTRATION_NOTICE, printable
from flows.usage import UsageError
from model.network.landmarks import REGIONS
from workers.drawing.palette import colour_of

SUFFIXES = (".png", ".jpg", ".jpeg")
MAX_FACES = 12
"""Faces in one picture."""

_WIDTH, _MARGIN, _GAP = 1640, 40, 36
_FACE = 560
"""Side of the best frame, pixels; the clip's frames below it are as wide together."""
_STRIP, _STRIP_GAP = 4, 8
"""Frames per row below the face, and pixels between them."""
_BLOCK_WIDTH = (_WIDTH - 2 * _MARGIN - _FACE - 2 * _GAP) // 2
_CLOSED = frozenset(("eye1", "eye2", "lips", "teeth"))


def check_picture_path(path: Path) -> None:
    """Find out whether a picture can be written there.

    Raises:
        UsageError: its folder is missing, or its name is not that of a picture.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: name the picture .png or .jpg")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.absolute().parent}")
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name a picture in it")


def draw_description(found: Description, suffix: str = ".png") -> bytes:
    """Return the encoded picture.

    Args:
        found: what to draw.
        suffix: of the format.
    """
    panels = [(face, account) for face in found.faces for account in face.clips]
    parts = [_head(found, shown=min(len(panels), MAX_FACES), panels=len(panels))]
    parts += [_panel(found, face, account) for face, account in panels[:MAX_FACES]]
    page = np.ascontiguousarray(np.concatenate(parts)[..., ::-1])  # OpenCV writes BGR
    is_encoded, data = cv2.imencode(suffix.lower(), page)
    assert is_encoded, f"OpenCV could not encode a picture of shape {page.shape}"
    return data.tobytes()


def _head(found: Description, *, shown: int, panels: int) -> NDArray[np.uint8]:
    video, identity = found.video, found.pinned.identity
    paper = Paper(_WIDTH, 112 + 44 * identity.is_demonstration)
    top = 0
    if identity.is_demonstration:
        paper.fill((0, 0, _WIDTH, 44), ALERT)
        paper.write(DEMONSTRATION_NOTICE, (_MARGIN, 29), ALERT_INK, size_px=17, weight=700)
        top = 44
    name = printable(video.uri.rstrip("/").rsplit("/", 1)[-1])
    width = _WIDTH - 2 * _MARGIN
    paper.write(paper.shorten(name, width, size_px=30, weight=700), (_MARGIN, top + 52), INK, 30, 700)
    faces = f"{found.tracks} face{'s' * (found.tracks != 1)}" if found.tracks else "no face found"
    hidden = f", {panels - shown} more not shown" if panels > shown else ""
    facts = (
        f"{faces}{hidden}   ·   {shape_text(video)}   ·   "
        f"model {identity.model_id}   ·   recipe {found.pinned.recipe_id}   ·   "
        f"SHA-256 {video.video_id[:16]}…"
    )
    paper.write(paper.shorten(facts, width, size_px=15), (_MARGIN, top + 84), QUIET, 15)
    return paper.image


def _panel(found: Description, face: FaceAccount, account: ClipAccount) -> NDArray[np.uint8]:
    """Return one face: left what the model saw, right what it made of it."""
    blocks = blocks_of(account, found.pinned.recipe.asked, _BLOCK_WIDTH, _GAP)
    blocks.sort(key=lambda block: block.is_wide)  # the wide ones below the others, which leaves no holes
    places, blocks_height = _arrange(blocks)
    rows = -(-account.pixels.frames // _STRIP)
    side = (_FACE - (_STRIP - 1) * _STRIP_GAP) // _STRIP
    top = 66
    left_height = _FACE + 40 + rows * (side + 26)
    paper = Paper(_WIDTH, top + max(left_height, blocks_height) + 40)
    paper.fill((_MARGIN, 0, _WIDTH - 2 * _MARGIN, 1), FAINT)
    _write_title(paper, face, account)
    times = _times_s(found.video.time_base, account)
    paper.paste(_face_picture(account), (_MARGIN, top))
    best = account.pixels.best_frame
    paper.write(f"best frame, {times[best]:.2f} s", (_MARGIN, top + _FACE + 22), QUIET, 14)
    for number, crop in enumerate(account.pixels.crops):
        row, column = divmod(number, _STRIP)
        left, upper = _MARGIN + column * (side + _STRIP_GAP), top + _FACE + 40 + row * (side + 26)
        if number == best:
            paper.fill((left - 3, upper - 3, side + 6, side + 6), colour_of(0))
        paper.paste(cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA), (left, upper))
        paper.write(f"{times[number]:.2f} s", (left, upper + side + 17), QUIET, 13)
    left = _MARGIN + _FACE + _GAP
    for block, (column, upper) in zip(blocks, places, strict=True):
        block.draw(paper, left + column * (_BLOCK_WIDTH + _GAP), top + upper)
    return paper.image


def _write_title(paper: Paper, face: FaceAccount, account: ClipAccount) -> None:
    track, clip = face.track, account.clip
    title = f"face t{track.track_index}"
    paper.write(title, (_MARGIN, 42), INK, 22, 700)
    facts = track_text(track)
    if track.frames > 1:
        facts += f"; this clip {clip.start_s:.2f} to {clip.end_s:.2f} s, quality {clip.quality:.2f}"
    paper.write(facts, (_MARGIN + paper.width_of(title, 22, 700) + 18, 42), QUIET, 15)
    if clip.no_answer_reason is not None:
        reason = f"no answer: {printable(clip.no_answer_reason)}"
        left = _MARGIN + _FACE + _GAP
        paper.write(paper.shorten(reason, _WIDTH - left - _MARGIN, 15), (left, 90), ALERT, 15)


def _arrange(blocks: list[ScoreBlock]) -> tuple[list[tuple[int, int]], int]:
    """Return column and top of each block, each put where there is most room, and the height of all."""
    heights = [0, 0]
    places: list[tuple[int, int]] = []
    for block in blocks:
        if block.is_wide:
            places.append((0, max(heights)))
            heights = [max(heights) + block.height] * 2
        else:
            column = heights.index(min(heights))
            places.append((column, heights[column]))
            heights[column] += block.height
    return places, max(heights)


def _face_picture(account: ClipAccount) -> NDArray[np.uint8]:
    """Return the best frame [_FACE, _FACE, 3] with its 68 landmarks."""
    clip = account.pixels
    crop = clip.crops[clip.best_frame]
    image = np.asarray(cv2.resize(crop, (_FACE, _FACE), interpolation=cv2.INTER_CUBIC), np.uint8)
    lined = image.copy()
    points = clip.landmarks_px[clip.best_frame] * (_FACE / clip.size_px)
    fine = np.round(points * 16).astype(np.int32)  # OpenCV takes sixteenths of a pixel with shift=4
    for name, part in REGIONS.items():
        line = fine[part.start : part.stop].reshape(-1, 1, 2)
        cv2.polylines(lined, [line], name in _CLOSED, (255, 255, 255), 1, cv2.LINE_AA, shift=4)
    image = np.asarray(cv2.addWeighted(lined, 0.65, image, 0.35, 0), np.uint8)
    for number, part in enumerate(REGIONS.values()):
        for x, y in fine[part.start : part.stop]:
            cv2.circle(image, (int(x), int(y)), 64, (15, 15, 20), cv2.FILLED, cv2.LINE_AA, shift=4)
            cv2.circle(image, (int(x), int(y)), 44, colour_of(number), cv2.FILLED, cv2.LINE_AA, shift=4)
    return image


def _times_s(time_base: str, account: ClipAccount) -> list[float]:
    return [float(pts * Fraction(time_base)) for pts in account.clip.pts]
