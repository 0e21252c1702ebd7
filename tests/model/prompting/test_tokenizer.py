import json
import shutil
from pathlib import Path

import pytest

from model.prompting.tokenizer import load_tokenizer

TEXT = Path(__file__).parents[1] / "data" / "parity" / "text"


def test_a_text_survives_encoding_and_decoding() -> None:
    tokenizer = load_tokenizer(TEXT / "tokenizer.model")
    text = "Größe 25, naïve: 脸"
    assert tokenizer.decode((tokenizer.bos_id, *tokenizer.encode(text), tokenizer.eos_id)) == text
    assert tokenizer.decode((*tokenizer.encode(text), tokenizer.vocabulary)) == text


def test_generated_ids_decode_as_the_official_code_prints_them() -> None:
    tokenizer = load_tokenizer(TEXT / "tokenizer.model")
    for row in json.loads((TEXT / "e2e.json").read_text())["rows"]:
        assert tokenizer.decode(row["generated_ids"]) == row["text"]


def test_special_tokens_in_a_text_are_read_as_tokens() -> None:
    tokenizer = load_tokenizer(TEXT / "tokenizer.model")
    assert tokenizer.encode("</s>") == (tokenizer.eos_id,)
    assert tokenizer.encode("") == ()


def test_legacy_is_read_from_the_configuration_beside_the_model(tmp_path: Path) -> None:
    shutil.copy(TEXT / "tokenizer.model", tmp_path)
    default = load_tokenizer(tmp_path / "tokenizer.model").encode("a</s>USER:")
    (tmp_path / "tokenizer_config.json").write_text('{"legacy": true}')
    legacy = load_tokenizer(tmp_path / "tokenizer.model").encode("a</s>USER:")
    assert default[-2:] == (416, 503)
    assert legacy[-2:] == (465, 503)


def test_a_file_that_is_no_tokenizer_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_bytes(b"not a model")
    with pytest.raises(ValueError, match="not a SentencePiece model"):
        load_tokenizer(tmp_path / "tokenizer.model")
