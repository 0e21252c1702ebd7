"""Ids, and places in a lake, that follow from what they name: a rerun makes the same ones."""

EVIDENCE = "evidence/"
"""What every picture's path begins with."""


def track_id(video_id: str, recipe_id: str, track_index: int) -> str:
    """Return the id of the n-th track of a video under a recipe, e.g. `9f86d081884c7d65-1b4f0e98-t0003`."""
    return f"{video_id[:16]}-{recipe_id[:8]}-t{track_index:04d}"


def person_id(video_id: str, recipe_id: str, person_index: int) -> str:
    """Return the id of the n-th person of a video under a recipe, e.g. `9f86d081884c7d65-1b4f0e98-p0001`."""
    return f"{video_id[:16]}-{recipe_id[:8]}-p{person_index:04d}"


def clip_id(of_track_id: str, clip_index: int) -> str:
    """Return the id of the n-th clip of a track, e.g. `9f86d081884c7d65-1b4f0e98-t0003-c00`."""
    return f"{of_track_id}-c{clip_index:02d}"


def evidence_folder(video_id: str) -> str:
    """Return where the pictures of a video lie in the lake, e.g. `evidence/9f86d081...`."""
    return f"{EVIDENCE}{video_id}"


def evidence_path(video_id: str, of_clip_id: str) -> str:
    """Return where the picture of a clip lies in the lake: in its video's folder, a JPEG of its name."""
    return f"{evidence_folder(video_id)}/{of_clip_id}.jpg"
