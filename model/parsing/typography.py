"""Takes the typography off a text, so that words are left: `**AU6** – _absent_` is `AU6 – absent`."""

import re
import unicodedata

_SAME = str.maketrans(
    {
        **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad\ufe0e\ufe0f", ""),  # nothing to see
        **dict.fromkeys("\u2010\u2011\ufe63\u2212", "-"),
        **dict.fromkeys("\u2018\u2019\u02bc\u00b4", "'"),
        **dict.fromkeys('"\u201c\u201d\u201e\u00ab\u00bb*`', ""),
        **dict.fromkeys("\u2192\u21d2", ":"),  # arrows
        **dict.fromkeys("\u2713\u2714\u2705\u2611", ""),  # ticks
    }
)
_STRUCK = re.compile(r"~~[^~\n]{1,200}~~")
_UNDERSCORES = re.compile(r"(?<![^\W_])_+|_+(?![^\W_])")
"""Those of emphasis, not those inside of a word."""
_TAG = re.compile(r"</?[A-Za-z][^<>\n]{0,40}>")
_EDGES, _CELLS = re.compile(r"^ ?\| ?| ?\| ?$", re.MULTILINE), re.compile(r" \| ")
_HEADING = re.compile(r"^[ \t]*(?:#{1,6} ([^\n]{1,80}?)|\*\*([^*\n]{1,80})\*\*):?[ \t]*$", re.MULTILINE)
_CROSS = "[\u2610\u2717\u2718\u274c\u2716]"
_ITEM = r"(^(?:[-•+] |\d{1,2}[.)] )?|[,;] )"
_CHOSEN = re.compile(rf"{_ITEM}\[[xX]\]\s", re.MULTILINE)
_NOT_CHOSEN = re.compile(rf"{_ITEM}(?:\[ ?\]|{_CROSS})(?=\s)", re.MULTILINE)
_CROSSED_OUT = re.compile(rf"(?<=[:=–—-]) ?{_CROSS}|(?<=\S) {_CROSS}(?= ?(?:[,;\n]|$))")
_SPACES, _LINES, _RUN = re.compile(r"[^\S\n]+"), re.compile(r" ?\n\s*"), re.compile(r"([^\w\s])\1{3,}")


def plain_text(text: str) -> str:
    """Return the words of a text without Markdown, tags, quotation marks and characters of other widths.

    Underscores inside of words are spaces, and the cells of a table row are joined with colons. What is
    struck through is gone, and what has an empty box or a cross is called `not`. White space and runs of one
    sign are shortened, so that what reads the text looks at no stretch of them for long.
    """
    text = _HEADING.sub(lambda heading: (heading[1] or heading[2]).rstrip(":* ") + ":", text)
    text = text.translate(_SAME)
    if not text.isascii():
        text = "".join(map(_ascii, text))
    text = _RUN.sub(r"\1\1\1", _LINES.sub("\n", _SPACES.sub(" ", text)))
    text = _UNDERSCORES.sub("", _TAG.sub("", _STRUCK.sub("", text))).replace("_", " ")
    text = _CELLS.sub(": ", _EDGES.sub("", text))
    text = _NOT_CHOSEN.sub(r"\1not", _CHOSEN.sub(r"\1", text))
    return _CROSSED_OUT.sub(" no", text).strip()


def _ascii(character: str) -> str:
    """Return the plain letter or digit that a wide, bold or otherwise dressed one stands for."""
    if character.isascii() or unicodedata.category(character) == "No":  # 30 with a footnote is not 302
        return character
    plain = unicodedata.normalize("NFKC", character)
    return plain if len(plain) == 1 and plain.isascii() else character
