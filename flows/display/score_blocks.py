"""What the picture of a face says about one question: bars of scores, and what the model wrote."""

from collections.abc import Sequence
from dataclasses import dataclass

from flows.describe import ClipAccount
from flows.display.accounts import read_text, score_text
from flows.display.paper import FAINT, INK, PLAIN, QUIET, STRONG, Paper
from flows.summary import printable
from model.prompting.questions import Question
from storage.records import AnswerRecord, Finding

_TITLE, _ROW, _SCALE, _LINE, _BELOW = 34, 25, 58, 20, 30
"""Heights, pixels."""
_SCORE = 52
"""Width of a number behind its bar."""
_WIDE_FROM = 24
"""Labels from which a block takes both columns."""
_MAX_ROWS = 80
_MAX_LINES = 10
"""Of a text; all of it is in the JSON."""


@dataclass(slots=True)
class ScoreBlock:
    """A question's part of the page."""

    question: Question
    answer: AnswerRecord
    findings: tuple[Finding, ...]
    column: int
    gap: int

    @property
    def is_wide(self) -> bool:
        """Whether it takes both columns."""
        return len(self.findings) >= _WIDE_FROM

    @property
    def _width(self) -> int:
        return 2 * self.column + self.gap if self.is_wide else self.column

    @property
    def _rows(self) -> int:
        return -(-len(self._ranked()) // (1 + self.is_wide))

    @property
    def height(self) -> int:
        """Pixels, with the space below."""
        scores = _SCALE if self.question.kind == "number" else self._rows * _ROW
        return _TITLE + scores + len(self._lines()) * _LINE + _BELOW

    def draw(self, paper: Paper, left: int, top: int) -> None:
        """Draw it with its upper left corner there."""
        paper.write(self.question.name.replace("_", " "), (left, top + 18), INK, 18, 700)
        asked = f"looked at the {self.question.view}"
        paper.write(asked, (left + self._width - paper.width_of(asked, 13), top + 18), QUIET, 13)
        top += _TITLE
        if self.question.kind == "number":
            self._draw_scale(paper, left, top)
            top += _SCALE
        else:
            self._draw_bars(paper, left, top)
            top += self._rows * _ROW
        for number, line in enumerate(self._lines()):
            paper.write(line, (left, top + 20 + number * _LINE), QUIET if number else INK, 14)

    def _ranked(self) -> list[Finding]:
        return sorted(self.findings, key=lambda finding: -finding.score)[:_MAX_ROWS]

    def _lines(self) -> list[str]:
        """Return what the model wrote: first how it was read, then its words."""
        if not self.answer.text:
            return []
        said = Paper.wrap(printable(" ".join(f"“{self.answer.text}”".split())), self._width, 14)
        if len(said) > _MAX_LINES:
            said = [*said[: _MAX_LINES - 1], Paper.shorten(said[_MAX_LINES - 1] + " …", self._width, 14)]
        return [f"it wrote ({read_text(self.answer)})", *said]

    def _draw_bars(self, paper: Paper, left: int, top: int) -> None:
        ranked = self._ranked()
        names = [printable(finding.label).replace("_", " ") for finding in ranked]
        name_width = min(self.column // 2, max(paper.width_of(name, 14) for name in names) + 14)
        bar_width = self.column - name_width - _SCORE
        highest = max(finding.score for finding in ranked)
        for position, (name, finding) in enumerate(zip(names, ranked, strict=True)):
            column, row = divmod(position, self._rows)
            x, y = left + column * (self.column + self.gap), top + row * _ROW
            is_single = self.question.kind == "single_label"
            holds = finding.score == highest if is_single else finding.score >= 0.5
            ink = INK if holds else QUIET
            paper.write(paper.shorten(name, name_width - 8, 14), (x, y + 16), ink, 14, 600 if holds else 400)
            paper.bar((x + name_width, y + 6, bar_width, 10), FAINT)
            paper.bar(
                (x + name_width, y + 6, round(bar_width * finding.score), 10), STRONG if holds else PLAIN
            )
            paper.write(score_text(finding), (x + name_width + bar_width + 10, y + 16), ink, 14)

    def _draw_scale(self, paper: Paper, left: int, top: int) -> None:
        """Draw a number as a place on its scale, with one standard deviation to either side."""
        found, question = self.findings[0], self.question
        across = question.maximum - question.minimum

        def place(value: float) -> int:
            within = min(max(value, question.minimum), question.maximum)
            return left + round((within - question.minimum) / across * self._width)

        spread = found.spread or 0.0
        first, last = place(found.score - spread), place(found.score + spread)
        paper.bar((left, top + 6, self._width, 10), FAINT)
        paper.bar((first, top + 6, max(last - first, 10), 10), PLAIN)
        paper.dot((place(found.score), top + 11), 9, STRONG)
        for value in (question.minimum, question.maximum):
            text = str(value)
            x = left if value == question.minimum else left + self._width - paper.width_of(text, 13)
            paper.write(text, (x, top + 38), QUIET, 13)
        text = score_text(found)
        half = paper.width_of(text, 15, 700) // 2
        x = min(max(place(found.score) - half, left + 40), left + self._width - 2 * half - 40)
        paper.write(text, (x, top + 40), INK, 15, 700)


def blocks_of(account: ClipAccount, questions: Sequence[Question], width: int, gap: int) -> list[ScoreBlock]:
    """Return a block per question that was answered.

    Args:
        account: of one clip.
        questions: as asked.
        width: of a column, pixels.
        gap: between two columns.
    """
    by_name = {question.name: question for question in questions}
    return [
        ScoreBlock(by_name[answer.question], answer, account.findings_of(answer.question), width, gap)
        for answer in account.answers
    ]
