from pathlib import Path

import pytest

from storage.archive import Fail, Patterns, list_sources


@pytest.mark.parametrize(
    ("include", "exclude", "meant"),
    [
        ([], [], {"a.mp4", "b.mov", "proxies/a.mp4", "proxies/deep/c.MP4"}),
        (["*.mp4"], [], {"a.mp4", "proxies/a.mp4"}),
        (["*.mp4", "*.MP4"], [], {"a.mp4", "proxies/a.mp4", "proxies/deep/c.MP4"}),
        ([], ["*/proxies/*"], {"a.mp4", "b.mov"}),
        (["[ab].*"], ["*/proxies/*"], {"a.mp4", "b.mov"}),
        (["*/proxies/?.mp4"], [], {"proxies/a.mp4"}),
        (["proxies"], [], set()),
        (["*"], ["*.mov", "a.*"], {"proxies/deep/c.MP4"}),
    ],
)
def test_patterns_say_which_objects_are_meant(
    include: list[str], exclude: list[str], meant: set[str], tmp_path: Path
) -> None:
    for name in ("a.mp4", "b.mov", "proxies/a.mp4", "proxies/deep/c.MP4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    listed = list_sources([str(tmp_path)], patterns=Patterns(include, exclude))
    assert {str(Path(one.uri).relative_to(tmp_path)) for one in listed} == meant


def test_what_could_not_be_looked_at_is_told_unless_it_is_left_out_by_name(tmp_path: Path) -> None:
    (tmp_path / "broken").symlink_to("nowhere")
    (one,) = list_sources([str(tmp_path)], patterns=Patterns(["*.mp4"]))
    assert isinstance(one.fate, Fail)
    assert list(list_sources([str(tmp_path)], patterns=Patterns(exclude=["broken"]))) == []


def test_patterns_see_all_of_a_uri_whatever_is_in_it() -> None:
    patterns = Patterns(["s3://bucket/*/night/*.mp4"])
    assert patterns.means("s3://bucket/2026/11/night/two\nlines.mp4")
    assert not patterns.means("s3://bucket/night/a.mp4")
    assert not patterns.means("s3://bucket/2026/night/a.mp4.part")
