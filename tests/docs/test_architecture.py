import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("room", ["flows", "workers", "model", "storage"])
def test_every_module_has_its_place_in_the_table(room: str) -> None:
    rows = re.split(r"^\| `(flows|workers|model|storage)/` \| (?=[a-z ]+\| )", _table(), flags=re.MULTILINE)
    of_room = rows[rows.index(room) + 1]
    named = set(re.findall(r"`(\w+)`", of_room))
    there = {
        path.stem
        for path in (ROOT / room).rglob("*.py")
        if "synthetic" not in path.parts and not path.stem.startswith("__")
    }
    assert there - named == set()
    assert named - there <= {"fleet", "commands", "synthetic"}


def _table() -> str:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    return text[text.index("What stands in which room") : text.index("## Configuration")]
