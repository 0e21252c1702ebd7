import base64
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from flows.display.report import draw_report
from flows.summary import DEMONSTRATION_NOTICE
from storage.lake import Lake
from storage.records import AnswerRecord, Clip, Finding, Record, Track, Video
from tests.storage.rows import failure, recipe, source, video

SCRIPT = "<script>alert(1)</script>"
HOSTILE = f"/{SCRIPT}\n'\"\u202e<img src=x onerror=alert(1)>&amp;.mp4"
SHOWN = f"/{SCRIPT}\\x0a'\"\\x202e<img src=x onerror=alert(1)>&amp;.mp4"


TAGS = {
    *("html", "meta", "title", "style", "h1", "h2", "p", "b", "br", "code", "div", "span", "bdi"),
    *("table", "tr", "th", "td", "details", "summary"),
}


class Page(HTMLParser):
    """What a browser makes of a page: its elements, and the text that a person reads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.text += " " if tag in ("td", "th") else ""

    def handle_data(self, data: str) -> None:
        self.text += data

    def attributes(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attributes for name, attributes in self.elements if name == tag)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "a <b>'lake'")


def draw(lake: Lake, rows: list[Record], videos: int = 100) -> Page:
    lake.append(rows)
    return Page(draw_report(lake, videos=videos))


def test_a_report_shows_coverage_failures_and_faces(lake: Lake) -> None:
    lake.put_evidence("evidence/v1/v1-recipe-1-t0000-c00.jpg", b"a picture")
    page = draw(
        lake,
        [
            recipe(),
            source("/a.mp4", video_id="v1"),
            *video("v1", "/a.mp4", deepfake=(0.75,), partial_reason="ends after 3.0 s"),
            source("/b.mp4"),
            failure("/b.mp4"),
        ],
    )
    text = " ".join(page.text.split())
    assert DEMONSTRATION_NOTICE in text
    assert "recipe-1 model-1 2 1 0 1 0 0 0" in text
    assert "decode SourceError 1 /b.mp4no frames in /b.mp4" in text
    assert "1 of 1 shown" in text
    assert "10.0 s, 1 track, at most 1 at once; read only in part: ends after 3.0 s" in text
    assert "happiness 0.70 32 ± 4 AU6, AU12 0.75" in text
    assert "expression: A happy face." in text
    (picture,) = page.attributes("img")
    assert picture["src"] == f"data:image/jpeg;base64,{base64.b64encode(b'a picture').decode()}"


def test_nothing_in_a_lake_is_taken_for_html(lake: Lake) -> None:
    """Names of files, messages about them and what a model says can hold anything."""
    rows: list[Record] = [
        replace(recipe(), model_id=SCRIPT),
        source(HOSTILE, video_id="v1"),
        source(f"{HOSTILE}/b"),
        replace(failure(f"{HOSTILE}/b"), error=SCRIPT, message=HOSTILE),
    ]
    for row in video("v1", HOSTILE, partial_reason=HOSTILE):
        match row:
            case AnswerRecord():
                rows.append(replace(row, text=f"{SCRIPT}\u202e", model_id=SCRIPT))
            case Finding(label="AU12"):
                rows.append(replace(row, label=SCRIPT))
            case _:
                rows.append(row)
    page = draw(lake, rows)
    assert {tag for tag, _ in page.elements} <= TAGS
    for _, attributes in page.elements:
        assert not {name for name in attributes if name.startswith("on")}
        assert "href" not in attributes
    assert f"\n{SHOWN}\n" in page.text
    assert f"read only in part: {SHOWN}" in page.text
    assert f"AU6, {SCRIPT}" in page.text
    assert f"Faces in {lake.root}" in page.text
    assert page.text.count("\u202e") == 5  # within <bdi>, which ends its reach
    assert sum(tag == "bdi" for tag, _ in page.elements) == 5
    (policy,) = (one for one in page.attributes("meta") if "http-equiv" in one)
    assert policy["content"] == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_the_most_suspicious_videos_come_first_and_the_page_says_how_many_there_are(lake: Lake) -> None:
    rows: list[Record] = [recipe()]
    for number, score in enumerate((0.2, 0.9, 0.5)):
        uri = f"/{number}.mp4"
        rows += [source(uri, video_id=f"v{number}"), *video(f"v{number}", uri, deepfake=(score,))]
    rows += [source("/empty.mp4", video_id="none"), *video("none", "/empty.mp4", tracks=0)]
    page = draw(lake, rows, videos=2)
    assert re.findall(r"/\d\.mp4", page.text) == ["/1.mp4", "/2.mp4"]
    assert "2 of 3 shown" in page.text


def test_a_video_under_two_recipes_is_shown_with_the_clips_of_each(lake: Lake) -> None:
    rows: list[Record] = []
    for recipe_id, score in (("recipe-1", 0.9), ("recipe-2", 0.2)):
        rows += [recipe(recipe_id), source("/a.mp4", video_id="v1", recipe_id=recipe_id)]
        rows += video("v1", "/a.mp4", recipe_id=recipe_id, attempt_id=recipe_id, deepfake=(score,))
    text = draw(lake, rows).text
    assert re.findall(r"v1-recipe-\d-t0000-c00", text) == ["v1-recipe-1-t0000-c00", "v1-recipe-2-t0000-c00"]
    assert "v1-recipe-2" not in draw(lake, [], videos=1).text


def test_what_is_missing_is_left_out_or_said(lake: Lake) -> None:
    rows: list[Record] = [recipe(), source("/a.mp4", video_id="v1")]
    for row in video("v1", "/a.mp4", tracks=2):
        match row:
            case Clip() if "t0000" in row.clip_id:
                rows.append(replace(row, no_answer_reason="out of memory", evidence=None))
            case Clip():
                rows.append(replace(row, evidence="evidence/gone.jpg"))
            case AnswerRecord() | Finding() if "t0000" in row.clip_id:
                pass
            case Finding(question="age"):
                rows.append(replace(row, spread=None))
            case _:
                rows.append(row)
    findings = sum(isinstance(row, Finding) for row in rows)
    page = draw(lake, [replace(row, findings=findings) if isinstance(row, Video) else row for row in rows])
    assert "no answers: out of memory" in page.text
    assert "1 of 2 clips have no answers" in page.text
    assert "<td>32</td>" in draw_report(lake)
    assert not list(page.attributes("img"))


def test_a_lake_that_a_check_finds_fault_with_says_so(lake: Lake) -> None:
    rows = [recipe(), source("/a.mp4", video_id="v1"), *video("v1", "/a.mp4")]
    page = draw(lake, [replace(row, quality=2.0) if isinstance(row, Track) else row for row in rows])
    assert "Check scores_in_range found 1 row" in page.text


def test_an_empty_lake_has_a_report(lake: Lake) -> None:
    text = draw(lake, [recipe()]).text
    assert "0 of 0 shown" in text
    assert DEMONSTRATION_NOTICE not in text
