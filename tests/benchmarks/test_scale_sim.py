from dataclasses import replace

import pytest

from benchmarks.scale_sim import Archive, Cluster, Costs, Simulation, bottleneck, predict

COSTS = Costs(
    driver_s_per_video=0.0,
    driver_s_per_batch=0.0,
    commit_s=0.0,
    commit_s_per_video=0.0,
    evidence_s_per_clip=0.0,
)
CALM = Cluster(readers=64, gpus=4, node_losses_per_day=0.0)
ALIKE = Archive(2000, median_s=40.0, spread=0.0, no_face=0.0, clips_per_video_s=0.1)


def account(costs: Costs = COSTS, cluster: Cluster = CALM, archive: Archive = ALIKE) -> dict[str, float]:
    return Simulation(costs, cluster, archive, seed=1).run()


def test_with_one_thing_scarce_the_wall_time_is_its_work() -> None:
    gpus = account(replace(COSTS, clip_gpu_s=2.0))
    assert bottleneck(gpus) == "describers"
    assert gpus["wall_h"] * 3600 == pytest.approx(2000 * 4 * 2.0 / 4, rel=0.02)
    reading_s = 0.05 + 40 * 0.19 + 40 * 0.25 * 0.01
    readers = account(replace(COSTS, clip_gpu_s=0.001), replace(CALM, readers=8))
    assert bottleneck(readers) == "readers"
    assert readers["wall_h"] * 3600 == pytest.approx(2000 * reading_s / 8, rel=0.02)
    driver = account(replace(COSTS, driver_s_per_video=1.0, clip_gpu_s=0.001))
    assert bottleneck(driver) == "driver"
    assert driver["wall_h"] * 3600 == pytest.approx(2000, rel=0.02)
    pictures = account(replace(COSTS, evidence_s_per_clip=0.01))
    assert pictures["driver_busy"] * pictures["wall_h"] * 3600 == pytest.approx(2000 * 4 * 0.01, rel=0.02)


def test_lost_nodes_cost_time_and_no_video() -> None:
    calm, rough = (
        account(),
        account(cluster=replace(CALM, readers_per_node=8, gpus_per_node=1, node_losses_per_day=600.0)),
    )
    assert rough["node_losses"] > 1
    assert rough["readings_begun_anew"] > 0
    assert rough["clips"] == calm["clips"] == 8000
    assert rough["wall_h"] > calm["wall_h"]


def test_a_reader_that_paused_when_it_was_lost_begins_once() -> None:
    # Readers wait for describers, and are lost while they do; the simulation asserts that none reads twice.
    costs, cluster = replace(COSTS, clip_gpu_s=2.0), replace(CALM, readers_per_node=8, boot_s=60.0)
    rough = Simulation(costs, replace(cluster, node_losses_per_day=2000.0), ALIKE, seed=1)
    told = rough.run()
    assert told["times_a_reader_paused"] > 100
    assert told["readings_begun_anew"] > 100
    assert rough.ended == ALIKE.videos


def test_two_readers_are_predicted_from_one() -> None:
    one = {"read_s": 100.0, "between_s": 5.0, "driver_cpu_s": 1.0}
    assert predict({"videos": 20, "video_s": 400.0, "one": one}) == pytest.approx(400 / 52.5, rel=0.05)
