"""How many actors, and what each of them claims of the machines."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from workers.fleet.config import FleetConfig, FleetError


@dataclass(frozen=True, slots=True)
class Places:
    """What Ray is asked for."""

    readers: int
    reader_cpus: float
    describers: int
    describer_gpus: float


def find_places(config: FleetConfig, resources: Mapping[str, float]) -> Places:
    """Divide what there is.

    Where all actors must find a place they get shares: one that waits for ever would look like a stalled one.
    Where they may wait, each reader claims a CPU, so that those that find none are seen by an autoscaler. A
    describer without a GPU shares the CPUs with the readers, for which it mostly waits.

    Args:
        config: what was asked for.
        resources: what Ray has, by its own names.

    Raises:
        FleetError: there are not enough GPUs.
    """
    cpus, gpus = max(1.0, resources.get("CPU", 1.0)), resources.get("GPU", 0.0)
    readers = config.readers or int(cpus)
    reader_cpus = 1.0 if config.is_elastic else _share(cpus, readers)
    together = config.gpus_per_engine
    if config.gpu_share is not None and together > 1 and config.gpu_share != together:
        raise FleetError(
            f"a describer claims {config.gpu_share:g} GPUs, but the recipe's engine needs {together}; "
            "leave --gpus-per-describer out"
        )
    share = config.gpu_share or (together if gpus and together > 1 else None)
    if share is None:
        describers = config.describers or max(1, int(gpus))
        return Places(readers, reader_cpus, describers, _share(gpus, describers))
    describers = config.describers or max(1, math.floor(gpus / share + 1e-6))
    if not config.is_elastic and describers * share > gpus + 1e-6:
        raise FleetError(f"{describers} describers of {share:g} GPUs need more than the {gpus:g} here")
    return Places(readers, reader_cpus, describers, share)


def _share(resources: float, actors: int) -> float:
    """Return what each actor may claim so that all find a place: no GPU or CPU is shared by more than needed.

    Ray counts in ten-thousandths and rounds; a sum above what is there would leave the last one waiting.
    """
    if not resources:
        return 0.0
    together = math.ceil(actors / max(1.0, math.floor(resources)))
    return math.floor(10_000 / together) / 10_000
