import pytest

from workers.fleet.config import FleetConfig, FleetError
from workers.fleet.places import Places, find_places


@pytest.mark.parametrize(
    ("config", "resources", "places"),
    [
        # Here: everybody finds a place.
        (FleetConfig(), {"CPU": 2.0}, Places(2, 1.0, 1, 0.0)),
        (FleetConfig(readers=5), {"CPU": 2.0}, Places(5, 0.3333, 1, 0.0)),
        (FleetConfig(), {"CPU": 8.0, "GPU": 2.0}, Places(8, 1.0, 2, 1.0)),
        (FleetConfig(describers=3), {"CPU": 8.0, "GPU": 2.0}, Places(8, 1.0, 3, 0.5)),
        (FleetConfig(gpus_per_engine=2), {"CPU": 8.0, "GPU": 4.0}, Places(8, 1.0, 2, 2)),
        (FleetConfig(gpu_share=0.25), {"CPU": 8.0, "GPU": 2.0}, Places(8, 1.0, 8, 0.25)),
        # On a cluster: a CPU each, and who finds none waits.
        (FleetConfig(is_cluster=True), {"CPU": 64.0, "GPU": 8.0}, Places(64, 1.0, 8, 1.0)),
        (FleetConfig(readers=64, min_readers=2, is_cluster=True), {"CPU": 4.0}, Places(64, 1.0, 1, 0.0)),
        (
            FleetConfig(describers=64, min_describers=1, gpu_share=1.0, is_cluster=True),
            {"CPU": 4.0},
            Places(4, 1.0, 64, 1.0),
        ),
    ],
)
def test_what_is_there_is_divided(config: FleetConfig, resources: dict[str, float], places: Places) -> None:
    assert find_places(config, resources) == places


def test_gpus_that_are_not_there_are_an_error_unless_they_may_come() -> None:
    with pytest.raises(FleetError, match="need more than the 1 here"):
        find_places(FleetConfig(describers=2, gpus_per_engine=2), {"CPU": 4.0, "GPU": 1.0})
    with pytest.raises(FleetError, match="engine needs 2"):
        find_places(FleetConfig(gpus_per_engine=2, gpu_share=0.5), {"CPU": 4.0, "GPU": 2.0})
