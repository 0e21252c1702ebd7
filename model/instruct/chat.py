"""Models behind an OpenAI-compatible address, and answers of theirs that are kept on disk."""

import base64
import hashlib
import io
import json
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

    def ask(self, system: str, text: str, pictures: Sequence[bytes]) -> Reply:
        """Return its answer.

        Raises:
            ChatError: there is none, after two more tries.
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
            raise ChatError(f"{self._config.model} at {self._config.address}: {error}") from error
        content = answer.choices[0].message.content if answer.choices else None
        if not content:
            raise ChatError(f"{self._config.model} at {self._config.address}: it answered nothing")
        usage = answer.usage
        return Reply(content, usage.prompt_tokens if usage else 0, usage.completion_tokens if usage else 0)


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

    def path(self, system: str, text: str, pictures: Sequence[bytes]) -> Path:
        """Return where the answer is kept, if it is."""
        digest = hashlib.sha256()
        for part in (self.model.encode(), system.encode(), text.encode(), *pictures):
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
        number = int(value) if isinstance(value, int | float) and value == int(value) else 0
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
