"""The settings in docs/instruct.md are settings, and the queries in docs/evaluation.md run."""

import re
from pathlib import Path

from flows.recipe_file import read_config
from model.instruct.config import InstructConfig
from storage.catalog import Catalog
from storage.lake import Lake
from tests.storage.rows import recipe, video

DOCS = Path(__file__).parents[2] / "docs"


def test_the_settings_can_be_read(tmp_path: Path) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", (DOCS / "instruct.md").read_text(), re.DOTALL)
    path = tmp_path / "instruct.toml"
    path.write_text(block)
    found = read_config(InstructConfig, path)
    assert found.judge is not None
    assert found.judge_price.per_million_answer_tokens == 0.6


def test_the_queries_run(tmp_path: Path) -> None:
    blocks = re.findall(r"```sql\n(.*?)```", (DOCS / "evaluation.md").read_text(), re.DOTALL)
    lake = Lake(tmp_path / "lake")
    lake.append([recipe(), *video("v1", "/a.mp4")])
    assert [Catalog(lake).query(block).num_rows for block in blocks] == [0, 1]
