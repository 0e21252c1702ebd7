from pathlib import Path

import pytest

from storage.inventory import Inventory
from storage.lake import Lake
from tests.storage.rows import RECIPE, failure, video


def test_of_many_contents_each_is_found_and_no_other(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    ids = [f"{number * 7919 % 1000:064x}" for number in range(0, 40, 2)]
    lake.append([row for video_id in ids for row in video(video_id, f"/{video_id}", attempt_id=video_id)])
    lost = failure("/a", video_id="f" * 64)
    lake.append([lost])
    with Inventory(lake, RECIPE) as inventory:
        finished, failures = inventory.contents()
        assert len(finished) == len(ids)
        assert all(video_id in finished for video_id in ids)
        others = [f"{number * 7919 % 1000:064x}" for number in range(1, 40, 2)]
        assert not any(other in finished for other in ["", *others, "g"])
        assert failures["f" * 64] == lost
        with pytest.raises(KeyError):
            failures[ids[0]]
