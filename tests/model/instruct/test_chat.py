"""Chats over a real connection to a small server, and answers kept on disk."""

import base64
import io
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from model.evaluation.judge import rate
from model.instruct.chat import ChatConfig, ChatError, KeptChat, OpenAiChat, Reply, as_jpeg, read_ratings
from model.instruct.rating import RATINGS, rate_description
from tests.model.instruct.chats import chat_server


def test_a_judge_behind_an_address(tmp_path: Path) -> None:
    asked: list[dict[str, Any]] = []

    def answer(request: dict[str, Any]) -> tuple[int, str]:
        asked.append(request)
        return 200, 'Here: {"consistency_video": 7, "consistency_truth": 8.0, "completeness": 10}'

    picture = as_jpeg(Image.new("RGB", (900, 300), (200, 100, 50)))
    with chat_server(answer) as address:
        judge = KeptChat(OpenAiChat(ChatConfig(address, "judge-1"), "secret"), tmp_path)
        ratings = [rate(judge, "How old?", "A young face.", 26.0, [picture]) for _ in range(2)]
    assert ratings == [{"consistency_video": 7, "consistency_truth": 8, "completeness": 10}] * 2
    assert judge.asked == len(asked) == 1
    (request,) = asked
    assert (request["path"], request["key"]) == ("/v1/chat/completions", "Bearer secret")
    assert (request["model"], request["temperature"]) == ("judge-1", 0)
    system, user = request["messages"]
    assert "consistency_truth" in system["content"]
    shown, text = user["content"]
    assert "Ground truth: 26 years" in text["text"]
    sent = base64.b64decode(shown["image_url"]["url"].removeprefix("data:image/jpeg;base64,"))
    assert Image.open(io.BytesIO(sent)).size == (256, 85)
    assert "secret" not in "".join(path.read_text() for path in tmp_path.iterdir())


class Slow:
    """Says what it is asked, after a while."""

    model = identity = "slow"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def ask(self, system: str, text: str, pictures: Sequence[bytes]) -> Reply:
        self.asked.append(text)
        time.sleep(0.02)
        return Reply(text, 1, 1)


def test_several_threads_do_not_ask_the_same_thing_twice(tmp_path: Path) -> None:
    slow = Slow()
    chat = KeptChat(slow, tmp_path)
    texts = [f"question {number % 3}" for number in range(24)]

    def ask(text: str) -> str:
        return chat.ask("", text, []).text

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, texts)) == texts
    assert sorted(slow.asked) == sorted(set(texts))
    assert chat.asked == 3


def test_another_setting_asks_anew(tmp_path: Path) -> None:
    asked: list[int] = []

    def answer(request: dict[str, Any]) -> tuple[int, str]:
        asked.append(request["max_tokens"])
        return 200, "A face."

    with chat_server(answer) as address:
        for max_tokens in (64, 512, 64):
            KeptChat(OpenAiChat(ChatConfig(address, "m", max_tokens=max_tokens), "x"), tmp_path).ask(
                "", "", []
            )
    assert asked == [64, 512]


def test_an_answer_that_was_cut_is_none(tmp_path: Path) -> None:
    with chat_server(lambda _: (200, "The inner brows are"), finish_reason="length") as address:
        chat = KeptChat(OpenAiChat(ChatConfig(address, "judge-2"), "secret"), tmp_path)
        with pytest.raises(ChatError, match="its answer was cut short; allow it more than 512 tokens"):
            chat.ask("", "", [])
    assert not any(tmp_path.iterdir())


def test_a_bad_answer_is_asked_again(tmp_path: Path) -> None:
    replies = iter(["Sorry.", '{"annotation": NaN}', json.dumps(dict.fromkeys(RATINGS, 9)), "Sorry."])
    with chat_server(lambda _: (200, next(replies))) as address:
        judge = KeptChat(OpenAiChat(ChatConfig(address, "judge-2"), "secret"), tmp_path)
        for _ in range(2):
            with pytest.raises(ChatError, match="has no annotation from 1 to 10"):
                rate_description(judge, "age", 30.0, "A face.", [])
        for _ in range(2):
            assert rate_description(judge, "age", 30.0, "A face.", []) == dict.fromkeys(RATINGS, 9)
    assert judge.asked == 3


def test_a_server_that_refuses_is_an_error_that_says_so() -> None:
    with chat_server(lambda _: (400, "no such model")) as address:
        chat = OpenAiChat(ChatConfig(address, "judge-2"), "secret")
        with pytest.raises(ChatError, match=r"judge-2 at http.*no such model"):
            chat.ask("", "", [])
    with chat_server(lambda _: (200, " ")) as address:
        chat = OpenAiChat(ChatConfig(address, "judge-2"), "secret")
        with pytest.raises(ChatError, match="it answered nothing"):
            chat.ask("", "", [])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8",
        "{}",
        '{"a": 0}',
        '{"a": 11}',
        '{"a": 7.5}',
        '{"a": true}',
        '{"a": "9"}',
        "{a: 1}",
        '{"a": null}',
        '{"a": NaN}',
        '{"a": 1e999}',
    ],
)
def test_what_is_no_rating(text: str) -> None:
    with pytest.raises(ChatError, match="has no a from 1 to 10"):
        read_ratings(text, ["a"])
