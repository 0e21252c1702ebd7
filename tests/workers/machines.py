"""A cluster of two machines, as Ray sees them: two raylets here."""

import logging
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
import ray
from ray.cluster_utils import Cluster

STORE_BYTES = 80 << 20


@contextmanager
def two_machines() -> Generator[Cluster]:
    """Two machines of one processor each; whoever looks for a Ray of this user does not find them."""
    folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")  # sockets want a short path
    noticed_soon = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 1000}
    head: dict[str, Any] = {"num_cpus": 1, "object_store_memory": STORE_BYTES, "include_dashboard": False}
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RAY_TMPDIR", folder)
        made = Cluster(initialize_head=True, head_node_args=head | {"_system_config": noticed_soon})
        made.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
        ray.init(address=made.address, logging_level=logging.ERROR, log_to_driver=False)
        yield made
        ray.shutdown()
        made.shutdown()
        shutil.rmtree(folder, ignore_errors=True)
