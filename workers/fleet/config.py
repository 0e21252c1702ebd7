"""What the fleet is told, and what it says when it cannot work at all."""

from dataclasses import dataclass
from typing import Any, ClassVar


class FleetError(RuntimeError):
    """The workers cannot work at all, whatever the video: nothing is recorded against any source."""


@dataclass(frozen=True, slots=True)
class FleetConfig:
    """How many actors, where, and how much work may be in flight. Nothing here can change a result."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    readers: int | None = None
    """Reader actors; None makes one per CPU."""
    describers: int | None = None
    """Describer actors; None makes one per GPU, or one on a machine without."""
    gpus_per_describer: int = 1
    """GPUs that one describer works on together."""
    queued_batches: int = 3
    """Batches of clips that may wait per describer before the readers have to pause."""
    stall_s: float = 600.0
    """An actor that gives no sign of life for so long is killed."""
    patience_per_clip_s: float = 120.0
    """And a describer for so much longer per clip of its batch: it gives no sign of life in between."""
    ahead_bytes: int = 256 << 20
    """What has been seen of spans may wait in so many bytes; beyond, only the span that is due goes on."""
    object_store_bytes: int = 1 << 30
    """Shared memory for clips on their way to a describer, and for what waits of spans."""
