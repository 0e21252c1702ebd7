"""A machine of a cluster that is lost in the middle of a scan, over a real Ray with two raylets."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from ray.cluster_utils import Cluster

from tests.workers.machines import two_machines
from tests.workers.misbehaving import IN_ORDER, Notes, always, clips_of, source
from workers.fleet import Fleet, FleetConfig
from workers.outcome import Failed, Job, Part, Position
from workers.reader import RowIds

pytestmark = [pytest.mark.real, pytest.mark.alone]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with two_machines() as made:
        yield made


def test_a_lost_machine_costs_no_video_and_is_blamed_on_none(cluster: Cluster, tmp_path: Path) -> None:
    names = ["heavy-1", "heavy-2", "long-1", "heavy-3", "heavy-4"]
    numbers = itertools.count()
    others = list(cluster.worker_nodes)
    made = Notes(tmp_path)

    def on_position(position: Position) -> None:
        if others and len(list(tmp_path.glob("reader-*"))) == 2:  # both are at work
            cluster.remove_node(others.pop(), allow_graceful=False)

    config = FleetConfig(readers=2, is_cluster=True)
    with Fleet(config, made.reader, made.describer) as fleet:
        jobs = [Job(source(name)) for name in names]
        found = fleet.scan(jobs, lambda: RowIds("recipe", f"a{next(numbers)}", "scan"), always, on_position)
        outcomes = list(found)
    assert sum(node["Alive"] for node in ray.nodes()) == 1
    assert not [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    ends = [outcome.job.source.uri for outcome in outcomes if not isinstance(outcome, Part)]
    assert sorted(ends) == sorted(names)
    for name in names:
        assert sorted(clips_of(outcomes, name)) == (IN_ORDER if name.startswith("long") else [0, 1, 2])
    assert next(numbers) > len(names)  # something was read again
