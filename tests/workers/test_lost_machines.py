"""A machine of a cluster that is lost in the middle of a scan, over a real Ray with two raylets."""

import itertools
import logging
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from ray.cluster_utils import Cluster

from tests.workers.misbehaving import IN_ORDER, Notes, always, clips_of, source
from workers.fleet import Fleet, FleetConfig
from workers.outcome import Failed, Job, Part, Position
from workers.reader import RowIds

pytestmark = [pytest.mark.real, pytest.mark.alone]

STORE_BYTES = 80 << 20


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """Two machines of one processor each; whoever looks for a Ray of this user does not find them."""
    folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")  # sockets want a short path
    monkeypatch.setenv("RAY_TMPDIR", folder)
    noticed_soon = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 1000}
    head = {"num_cpus": 1, "object_store_memory": STORE_BYTES, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=head | {"_system_config": noticed_soon})
    made.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
    ray.init(address=made.address, logging_level=logging.ERROR, log_to_driver=False)
    yield made
    ray.shutdown()
    made.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


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
