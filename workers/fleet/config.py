"""What the fleet is told, and what it says when it cannot work at all."""

from dataclasses import dataclass


class FleetError(RuntimeError):
    """The workers cannot work at all, whatever the video: nothing is recorded against any source."""


@dataclass(frozen=True, slots=True)
class FleetConfig:
    """How many actors, where, and how much work may be in flight. Nothing here can change a result."""

    readers: int | None = None
    """Reader actors, at most; None makes one per CPU."""
    describers: int | None = None
    """Describer actors, at most; None makes one per GPU, or one on a machine without."""
    min_readers: int | None = None
    """The scan goes on with so many; the others start when there is a place for them, each on a CPU of its
    own. None waits for all here, which share what there is, and for one on a cluster."""
    min_describers: int | None = None
    """The same of describers."""
    gpus_per_engine: int = 1
    """GPUs that the engine of one describer works on together, as the recipe says."""
    gpu_share: float | None = None
    """GPUs that one describer claims, a part of one or several; None shares what there is. Where an
    autoscaler has still to start the machines with GPUs, it has to be said."""
    is_cluster: bool = False
    """Whether the actors live on the cluster that this process is part of, not in a Ray of their own."""
    place_s: float = 900.0
    """With fewer actors than the least for so long, the scan gives up."""
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

    @property
    def is_elastic(self) -> bool:
        """Whether actors may wait for a place while others work."""
        return self.is_cluster or self.min_readers is not None or self.min_describers is not None
