"""Models behind an OpenAI-compatible address, and answers of theirs that are kept on disk."""

import base64
import hashlib
import io
import json
import math
import re
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

_OBJECT = re.compile(r"\{.*\}", re.DOTALL)
_SIDE_PX = 256
_LOCKS = 256


class ChatError(Exception):
    """A model could not be asked, or its answer is not what was asked for.

    Attributes:
        message: what happened.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class ChatConfig:
    """An OpenAI-compatible model.

    Attributes:
        address: base URL, e.g. `http://localhost:8000/v1`.
        model: its name there.
        timeout_s: for an answer.
        max_tokens: of an answer.
        temperature: 0 for the likeliest answer.
    """

    address: str
    model: str
    timeout_s: float = 120.0
    max_tokens: int = 512
    temperature: float = 0.0

    def __post_init__(self) -> None:
        if not self.address.startswith(("http://", "https://")):
            raise ValueError(f"address is {self.address!r}; give one that begins with http:// or https://")
        if not self.model:
            raise ValueError("model is empty; give its name at the address")
        if not (math.isfinite(self.timeout_s) and self.timeout_s > 0):
            raise ValueError(f"timeout_s is {self.timeout_s}; give seconds, more than 0")
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens is {self.max_tokens}; give 1 or more")
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise ValueError(f"temperature is {self.temperature}; give 0 or more")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered, and the tokens that it counted."""

    text: str
    prompt_tokens: int
    answer_tokens: int


class Chat(Protocol):
    """A model that is asked one thing at a time."""

    @property
    def model(self) -> str:
        """Its name."""
        ...

    @property
    def identity(self) -> str:
        """All that its answers depend on besides what it is asked."""
        ...

    def ask(self, system: str, text: str, pictures: Sequence[bytes]) -> Reply:
        """Return its answer; pictures are JPEG files. Raises ChatError."""
        ...


class OpenAiChat:
    """A model behind an OpenAI-compatible address."""

    def __init__(self, config: ChatConfig, key: str) -> None:
        """Connect when first asked.

        Args:
            config: where it is.
            key: what the address asks for; any text where it asks for none.
        """
        from openai import OpenAI  # noqa: PLC0415 - an extra

        self._config = config
        self._client = OpenAI(base_url=config.address, api_key=key, timeout=config.timeout_s, max_retries=2)

    @property
    def model(self) -> str:
        """Its name."""
        return self._config.model

    @property
    def identity(self) -> str:
        """Its address, name and settings."""
        config = self._config
        return json.dumps([config.address, config.model, config.max_tokens, config.temperature])

    def ask(self, system: str, text: str, pictures: Sequence[bytes]) -> Reply:
        """Return its answer.

        Raises:
            ChatError: there is none, after two more tries, or it was cut short.
        """
        from openai import OpenAIError  # noqa: PLC0415 - an extra

        shown = [
            {
                "type": "image_url",
                "image_url": {"url": f"data:image/jpeg;base64,{base64.b64encode(one).decode()}"},
            }
            for one in pictures
        ]
        messages: Any = [
            {"role": "system", "content": system},
            {"role": "user", "content": [*shown, {"type": "text", "text": text}]},
        ]
        try:
            answer = self._client.chat.completions.create(
                model=self._config.model,
                messages=messages,
                max_tokens=self._config.max_tokens,
                temperature=self._config.temperature,
            )
        except OpenAIError as error:
            raise self._error(str(error)) from error
        content = answer.choices[0].message.content if answer.choices else None
        if not content or not content.strip():
            raise self._error("it answered nothing")
        if answer.choices[0].finish_reason == "length":
            raise self._error(
                f"its answer was cut short; allow it more than {self._config.max_tokens} tokens"
            )
        usage = answer.usage
        return Reply(content, usage.prompt_tokens if usage else 0, usage.completion_tokens if usage else 0)

    def _error(self, message: str) -> ChatError:
        return ChatError(f"{self._config.model} at {self._config.address}: {message}")


class KeptChat:
    """A model whose answers are kept on disk, so that nothing is asked, or paid for, twice.

    Several threads may ask at once.
    """

    def __init__(self, chat: Chat, folder: Path) -> None:
        """Keep answers in a folder, a file each."""
        self._chat = chat
        self._folder = folder
        # A few for all questions: two threads with the same one shall not both ask it.
        self._locks = [threading.Lock() for _ in range(_LOCKS)]
        self.asked = 0
        """Answers that were not on disk."""

    @property
    def model(self) -> str:
        """Its name."""
        return self._chat.model

    @property
    def identity(self) -> str:
        """All that its answers depend on besides what it is asked."""
        return self._chat.identity

    def path(self, system: str, text: str, pictures: Sequence[bytes]) -> Path:
        """Return where the answer is kept, if it is."""
        digest = hashlib.sha256()
        for part in (self.identity.encode(), system.encode(), text.encode(), *pictures):
            digest.update(len(part).to_bytes(8, "big") + part)
        return self._folder / f"{digest.hexdigest()[:32]}.json"

    def ask(self, system: str, text: str, pictures: Sequence[bytes]) -> Reply:
        """Return its answer, the kept one where there is one. Raises ChatError."""
        path = self.path(system, text, pictures)
        with self._locks[int(path.stem, 16) % _LOCKS]:
            if path.exists():
                return Reply(**json.loads(path.read_text(encoding="utf-8")))
            reply = self._chat.ask(system, text, pictures)
            self.asked += 1
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_text(json.dumps(asdict(reply)), encoding="utf-8")
            part.rename(path)
            return reply

    def forget(self, system: str, text: str, pictures: Sequence[bytes]) -> None:
        """Keep the answer no longer: the next one who asks gets a new one."""
        self.path(system, text, pictures).unlink(missing_ok=True)


def ask_ratings(
    chat: Chat, system: str, text: str, pictures: Sequence[bytes], names: Sequence[str]
) -> dict[str, int]:
    """Return the ratings that a model answers with; an answer without them is not kept.

    Raises:
        ChatError: it gives none.
    """
    try:
        return read_ratings(chat.ask(system, text, pictures).text, names)
    except ChatError:
        if isinstance(chat, KeptChat):
            chat.forget(system, text, pictures)
        raise


def read_ratings(text: str, names: Sequence[str]) -> dict[str, int]:
    """Return whole numbers 1..10 by name out of an answer that has a JSON object in it.

    Raises:
        ChatError: one is missing or no such number.
    """
    found = _OBJECT.search(text)
    try:
        values: Any = json.loads(found[0]) if found else {}
    except ValueError:
        values = {}
    ratings: dict[str, int] = {}
    for name in names:
        value = values.get(name)
        is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        number = int(value) if is_whole else 0
        if isinstance(value, bool) or not 1 <= number <= 10:
            raise ChatError(f"the answer has no {name} from 1 to 10: {text[:200]!r}")
        ratings[name] = number
    return ratings


def as_jpeg(picture: Image.Image) -> bytes:
    """Return a picture as a JPEG file of at most 256 px."""
    shown = picture.convert("RGB")
    shown.thumbnail((_SIDE_PX, _SIDE_PX))
    data = io.BytesIO()
    shown.save(data, format="JPEG", quality=90)
    return data.getvalue()
