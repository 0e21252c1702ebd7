"""The Llama tokenizer, piece for piece as the official code calls it."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a machine that brings its own token ids needs no sentencepiece
    import sentencepiece

_SPECIAL = re.compile(r"(<s>|</s>|<unk>)")
_SPACE = "\u2581"


class LlamaTokenizer:
    """SentencePiece pieces with Llama's treatment of the text after a special token.

    Every text begins with the model's dummy space. A text that follows `</s>` within one string begins
    without it, unless `is_legacy`: Vicuna 1.5 is not legacy.

    Attributes:
        bos_id: begins every prompt.
        eos_id: ends every answer.
        vocabulary: number of pieces.

    Example:
        >>> tokenizer = load_tokenizer(Path("checkpoint/tokenizer.model"))
        >>> tokenizer.decode(tokenizer.encode("a face"))
        'a face'
    """

    def __init__(self, pieces: "sentencepiece.SentencePieceProcessor", *, is_legacy: bool = False) -> None:
        self._pieces = pieces
        self._is_legacy = is_legacy
        self.bos_id: int = pieces.bos_id()
        self.eos_id: int = pieces.eos_id()
        self.vocabulary: int = pieces.get_piece_size()
        self._special = {name: int(pieces.piece_to_id(name)) for name in ("<s>", "</s>", "<unk>")}

    def encode(self, text: str) -> tuple[int, ...]:
        """Return the ids of a text, without a leading bos; `<s>`, `</s>` and `<unk>` are read as tokens."""
        ids: list[int] = []
        for position, part in enumerate(_SPECIAL.split(text)):
            if part in self._special:
                ids.append(self._special[part])
            elif part:
                ids.extend(self._encode_part(part, is_first=position == 0))
        return tuple(ids)

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ids without bos, eos and surrounding space; broken UTF-8 becomes U+FFFD.

        A model may have more ids than there are pieces (padded embeddings); those have no text.
        """
        kept = [index for index in ids if index < self.vocabulary and index not in self._special.values()]
        return str(self._pieces.decode(kept)).strip()

    def _encode_part(self, text: str, *, is_first: bool) -> list[int]:
        if is_first or self._is_legacy or text.startswith((" ", _SPACE)):
            return [int(index) for index in self._pieces.encode(text)]
        names: list[str] = self._pieces.encode(text, out_type=str)
        if names[0].startswith(_SPACE):
            names = [name for name in (names[0].removeprefix(_SPACE), *names[1:]) if name]
        return [int(self._pieces.piece_to_id(name)) for name in names]


def load_tokenizer(path: Path) -> LlamaTokenizer:
    """Read `tokenizer.model`, with `legacy` from the `tokenizer_config.json` beside it (default: false).

    Raises:
        ValueError: when the file is not a SentencePiece model or lacks Llama's special pieces.
    """
    import sentencepiece  # noqa: PLC0415

    pieces = sentencepiece.SentencePieceProcessor()
    try:
        pieces.load(str(path))
    except (OSError, RuntimeError) as error:
        raise ValueError(
            f"{path} is not a SentencePiece model ({error}); give the tokenizer.model of the checkpoint"
        ) from error
    if pieces.bos_id() < 0 or pieces.eos_id() < 0:
        raise ValueError(f"{path} has no <s> or </s>; give the Llama tokenizer.model of the checkpoint")
    return LlamaTokenizer(pieces, is_legacy=_read_legacy(path.with_name("tokenizer_config.json")))


def _read_legacy(config: Path) -> bool:
    if not config.exists():
        return False
    try:
        return bool(json.loads(config.read_text(encoding="utf-8")).get("legacy", False))
    except (OSError, ValueError, AttributeError) as error:
        raise ValueError(f"{config} is no tokenizer configuration ({error})") from error
