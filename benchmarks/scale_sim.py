"""What a cluster would do with a million videos: a discrete-event simulation of the fleet.

    python -m benchmarks.scale_sim [--videos 1000000] [--gpus 64] [--readers 1024] [--node-losses-per-day 48]
    python -m benchmarks.scale_sim --check SCALING.json      # against what benchmarks/scaling.py has measured

The model is the fleet's own: every reader takes the next video when it is free, reads it batch by batch, and
pauses while the driver's queue is full (`queued_batches` per describer); a describer takes the batch that has
waited longest; the driver, one process, spends a little on every message and stops for every commit. A node
that is lost takes its actors along: what they worked on begins anew, and the node is back after `boot_s`.
Videos differ in length (log-normal).

What the stages take stands in `Costs`, each with where it is from. Not measured is the describer's time for a
clip of the 7B model on a GPU, for there was no GPU: `--clip-gpu-s` is an assumption, and the result says so.

Run on 2026-11-30, seed 1, 1,000,000 videos (20,592 h, 2.0 million clips) into a lake in S3, 64 GPUs on 8
nodes at 2.5 an hour, readers on nodes of 32 cores at 0.04 per core and hour, 0.19 s of a core per second of
640x360, 0.5 s of a GPU per clip (assumed):

    readers  losses   wall h   readers  GPUs    driver  price   bottleneck
    1,024    none     4.52     86%      96%     88%     908     describers
    1,024    12       4.54     86%      95%     88%     912     describers; 320 readings were begun anew
    384      none     10.61    98%      41%     41%     1,860   readers
    384      19       10.64    97%      41%     41%     1,866   readers; 416 readings were begun anew

16 reader cores per GPU balance this archive; with 6 the GPUs idle and the scan costs twice as much. The
driver, one process that hears of every batch, sends the pictures and commits, comes close behind: a few more
GPUs would fill it. More than a quarter of its time goes into pictures, of which 16 are on their way at once;
one after another, at 27 ms each (`benchmarks/evidence.py`), they alone would take 15 h. What the driver takes
per video and batch is a guess, too, until it is measured at such rates.
"""

import argparse
import heapq
import json
import math
import random
import time
from collections import deque
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Costs:
    """What the stages take."""

    read_s_per_video_s: float = 0.19
    """Of a reader on one core: benchmarks/reader.py, 640x360, default recipe."""
    fetch_s_per_mb: float = 0.01
    """Hashing and copying: 100 MB/s per reader, of S3 in the same region. Assumed."""
    mb_per_video_s: float = 0.25
    """2 Mbit/s. Assumed."""
    start_read_s: float = 0.05
    """Per video in a reader beside decoding: opening, messages. benchmarks/overhead.py."""
    clip_gpu_s: float = 0.5
    """Of a describer, per clip, all five questions, 7B on one GPU. Assumed."""
    driver_s_per_video: float = 0.004
    """Of the driver, beside commits. Assumed."""
    driver_s_per_batch: float = 0.002
    """Of the driver, per batch of clips. Assumed."""
    commit_s: float = 0.3
    """Of the driver, per commit of all tables, every `commit_every_s`: it takes 0.2 on a disk."""
    commit_s_per_video: float = 0.003
    """More of it per video in the commit: Parquet. Assumed."""
    evidence_s_per_clip: float = 0.002
    """Of the driver, per clip, its picture: benchmarks/evidence.py, 16 at once into a store that answers in
    20 ms. These are assumed."""
    commit_every_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """What there is, and what it costs."""

    readers: int = 1024
    gpus: int = 64
    readers_per_node: int = 32
    gpus_per_node: int = 8
    node_losses_per_day: float = 48.0
    """Of all nodes together: spot machines that are taken back, and faults."""
    boot_s: float = 300.0
    """Until a lost node is back, weights loaded."""
    queued_batches: int = 3
    reader_price_per_h: float = 0.04
    """Per core."""
    gpu_price_per_h: float = 2.5


@dataclass(frozen=True, slots=True)
class Archive:
    """What is to be read."""

    videos: int = 1_000_000
    median_s: float = 45.0
    spread: float = 1.0
    """Standard deviation of the logarithm of the length."""
    clips_per_video_s: float = 0.04
    """At most four per track of a face."""
    no_face: float = 0.35
    """Share of videos without one."""
    batch_clips: int = 8
    span_s: float = 30.0
    """Readers that have nothing else to do help with so many seconds of a video at a time."""


class Simulation:
    """One scan. Times in seconds from its start."""

    def __init__(self, costs: Costs, cluster: Cluster, archive: Archive, seed: int) -> None:
        self.costs, self.cluster, self.archive = costs, cluster, archive
        self.random = random.Random(seed)
        self.now_s = 0.0
        self.events: list[tuple[float, int, str, int, int]] = []
        self.sequence = 0
        self.left = archive.videos
        self.ended = 0
        self.queue: deque[int] = deque()
        self.again: deque[tuple[float, int]] = deque()
        self.reader_epoch = [0] * cluster.readers
        self.reading: list[tuple[float, int, int] | None] = [None] * cluster.readers
        """Per reader: seconds and clips left of its video, and clips of the batch that it is at."""
        self.awaited: list[int | None] = [None] * cluster.readers
        """Per reader: the epoch in which it is going to have read something."""
        self.parked: deque[tuple[int, int]] = deque()
        """Readers that pause, and their epochs: what a reader that is lost was at is not its next life's."""
        self.is_reader_up = [True] * cluster.readers
        self.describer_epoch = [0] * cluster.gpus
        self.describing: list[int | None] = [None] * cluster.gpus
        self.is_describer_up = [True] * cluster.gpus
        self.idle: deque[int] = deque(range(cluster.gpus))
        self.driver_free_s = 0.0
        self.uncommitted = self.uncommitted_clips = 0
        self.read_busy_s = self.gpu_busy_s = self.driver_busy_s = self.video_s = 0.0
        self.free: set[int] = set()
        self.whole: list[tuple[float, int]] = [(0.0, 0)] * cluster.readers
        self.clips = self.lost_readings = self.losses = self.parkings = 0

    def run(self) -> dict[str, float]:
        for reader in range(self.cluster.readers):
            self._next_video(reader)
        self._at(self.costs.commit_every_s, "commit", 0)
        if self.cluster.node_losses_per_day:
            self._at(self._until_loss_s(), "loss", 0)
        while self.ended < self.archive.videos or self.queue or any(x is not None for x in self.describing):
            self.now_s, _, kind, who, epoch = heapq.heappop(self.events)
            getattr(self, f"_{kind}")(who, epoch)
        return self._account()

    # --- readers ------------------------------------------------------------------------------------------

    def _next_video(self, reader: int) -> None:
        if self.again:
            seconds, clips = self.again.popleft()
        elif self.left:
            self.left -= 1
            seconds = self.archive.median_s * math.exp(self.random.gauss(0.0, self.archive.spread))
            has_face = self.random.random() >= self.archive.no_face
            clips = max(1, round(seconds * self.archive.clips_per_video_s)) if has_face else 0
            self.video_s += seconds
            self.clips += clips
        else:
            self.reading[reader] = None
            self.free.add(reader)
            return
        self.reading[reader], self.whole[reader] = (seconds, clips, 0), (seconds, clips)
        mb = seconds * self.costs.mb_per_video_s
        fetch_s = self.costs.start_read_s + mb * self.costs.fetch_s_per_mb
        self.read_busy_s += fetch_s  # until the driver has time for it, the reader waits
        self._go_on(reader, self._driver(self.costs.driver_s_per_video) + fetch_s)

    def _go_on(self, reader: int, from_s: float) -> None:
        """Read until the next batch of clips is full, or to the end."""
        reading = self.reading[reader]
        assert reading is not None
        seconds, clips, _ = reading
        batch = min(clips, self.archive.batch_clips)
        part_s = seconds * batch / clips if clips else seconds
        spans = max(1, int(part_s / self.archive.span_s))
        takes_s = part_s * self.costs.read_s_per_video_s / min(spans, 1 + len(self.free))
        self.reading[reader] = seconds - part_s, clips - batch, batch
        self.read_busy_s += part_s * self.costs.read_s_per_video_s
        self._await_read(reader, from_s - self.now_s + takes_s)

    def _await_read(self, reader: int, after_s: float) -> None:
        epoch = self.reader_epoch[reader]
        assert self.awaited[reader] != epoch, "a reader reads one thing at a time"
        self.awaited[reader] = epoch
        self._at(after_s, "read", reader, epoch)

    def _read(self, reader: int, epoch: int) -> None:
        if epoch != self.reader_epoch[reader]:
            return
        reading, self.awaited[reader] = self.reading[reader], None
        assert reading is not None
        _, clips, batch = reading
        if batch:
            if len(self.queue) >= self.cluster.queued_batches * self.cluster.gpus:
                self.parkings += 1
                self.parked.append((reader, epoch))
                return
            self._driver(self.costs.driver_s_per_batch)
            self.queue.append(batch)
            self._feed()
        if clips:
            self._go_on(reader, self.now_s)
        else:
            self.ended += 1
            self.uncommitted += 1
            self.uncommitted_clips += self.whole[reader][1]
            self._next_video(reader)

    # --- describers -----------------------------------------------------------------------------------------

    def _feed(self) -> None:
        while self.queue and self.idle:
            describer = self.idle.popleft()
            if not self.is_describer_up[describer]:
                continue
            batch = self.queue.popleft()
            self.describing[describer] = batch
            takes_s = batch * self.costs.clip_gpu_s
            self.gpu_busy_s += takes_s
            self._at(takes_s, "described", describer, self.describer_epoch[describer])
        while self.parked and len(self.queue) < self.cluster.queued_batches * self.cluster.gpus:
            reader, epoch = self.parked.popleft()
            if epoch == self.reader_epoch[reader]:
                self._await_read(reader, 0.0)
                break

    def _described(self, describer: int, epoch: int) -> None:
        if epoch != self.describer_epoch[describer]:
            return
        self.describing[describer] = None
        self.idle.append(describer)
        self._driver(self.costs.driver_s_per_batch)
        self._feed()

    # --- the driver, and what is lost ---------------------------------------------------------------------

    def _driver(self, takes_s: float) -> float:
        """Let the driver do something when it is free; return when it is done."""
        began_s = max(self.now_s, self.driver_free_s)
        self.driver_free_s = began_s + takes_s
        self.driver_busy_s += takes_s
        return self.driver_free_s

    def _commit(self, _who: int, _epoch: int) -> None:
        if self.uncommitted:
            takes_s = self.costs.commit_s + self.uncommitted * self.costs.commit_s_per_video
            self._driver(takes_s + self.uncommitted_clips * self.costs.evidence_s_per_clip)
            self.uncommitted = self.uncommitted_clips = 0
        wait_s = max(0.0, self.driver_free_s - self.now_s)
        self._at(wait_s + self.costs.commit_every_s, "commit", 0)

    def _until_loss_s(self) -> float:
        return self.random.expovariate(self.cluster.node_losses_per_day / 86_400)

    def _loss(self, _who: int, _epoch: int) -> None:
        """Take a node; all are alike likely."""
        self.losses += 1
        self._at(self._until_loss_s(), "loss", 0)
        reader_nodes = -(-self.cluster.readers // self.cluster.readers_per_node)
        gpu_nodes = -(-self.cluster.gpus // self.cluster.gpus_per_node)
        node = self.random.randrange(reader_nodes + gpu_nodes)
        if node < reader_nodes:
            size = self.cluster.readers_per_node
            for reader in range(node * size, min((node + 1) * size, self.cluster.readers)):
                self._lose_reader(reader)
        else:
            size = self.cluster.gpus_per_node
            first = (node - reader_nodes) * size
            for describer in range(first, min(first + size, self.cluster.gpus)):
                self._lose_describer(describer)

    def _lose_reader(self, reader: int) -> None:
        if not self.is_reader_up[reader]:
            return
        self.reader_epoch[reader] += 1
        reading, self.reading[reader] = self.reading[reader], None
        self.is_reader_up[reader] = False
        self.free.discard(reader)
        if reading is not None:
            # From its beginning; what has been described of it is described again.
            self.again.append(self.whole[reader])
            self.lost_readings += 1
            if self.free:
                self._next_video(self.free.pop())
        self._at(self.cluster.boot_s, "reader_back", reader)

    def _reader_back(self, reader: int, _epoch: int) -> None:
        self.is_reader_up[reader] = True
        self._next_video(reader)

    def _lose_describer(self, describer: int) -> None:
        if not self.is_describer_up[describer]:
            return
        self.describer_epoch[describer] += 1
        batch, self.describing[describer] = self.describing[describer], None
        if batch is not None:
            self.queue.appendleft(batch)
        self.is_describer_up[describer] = False
        self._at(self.cluster.boot_s, "describer_back", describer)

    def _describer_back(self, describer: int, _epoch: int) -> None:
        self.is_describer_up[describer] = True
        if describer not in self.idle:
            self.idle.append(describer)
        self._feed()

    def _at(self, after_s: float, kind: str, who: int, epoch: int = 0) -> None:
        self.sequence += 1
        heapq.heappush(self.events, (self.now_s + after_s, self.sequence, kind, who, epoch))

    def _account(self) -> dict[str, float]:
        wall_s = max(self.now_s, self.driver_free_s)
        hours, cluster = wall_s / 3600, self.cluster
        price = hours * (
            cluster.readers * cluster.reader_price_per_h + cluster.gpus * cluster.gpu_price_per_h
        )
        used = {
            "readers": self.read_busy_s / (wall_s * cluster.readers),
            "describers": self.gpu_busy_s / (wall_s * cluster.gpus),
            "driver": self.driver_busy_s / wall_s,
        }
        return {
            "wall_h": round(hours, 3),
            "video_h": round(self.video_s / 3600, 1),
            "clips": self.clips,
            "video_s_per_s": round(self.video_s / wall_s, 2),
            **{f"{name}_busy": round(share, 4) for name, share in used.items()},
            "price": round(price, 2),
            "node_losses": self.losses,
            "readings_begun_anew": self.lost_readings,
            "times_a_reader_paused": self.parkings,
        }


def bottleneck(account: dict[str, float]) -> str:
    return max(("readers", "describers", "driver"), key=lambda name: account[f"{name}_busy"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--videos", type=int, default=1_000_000)
    parser.add_argument("--gpus", type=int, default=64)
    parser.add_argument("--readers", type=int, default=1024)
    parser.add_argument("--clip-gpu-s", type=float, default=Costs().clip_gpu_s)
    parser.add_argument("--node-losses-per-day", type=float, default=Cluster().node_losses_per_day)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--check", type=Path, help="What benchmarks/scaling.py has printed.")
    arguments = parser.parse_args()
    if arguments.check:
        check(json.loads(arguments.check.read_text()))
        return
    costs = replace(Costs(), clip_gpu_s=arguments.clip_gpu_s)
    cluster = Cluster(arguments.readers, arguments.gpus, node_losses_per_day=arguments.node_losses_per_day)
    archive = Archive(arguments.videos)
    began_s = time.perf_counter()
    account = Simulation(costs, cluster, archive, arguments.seed).run()
    result: dict[str, Any] = {
        **account,
        "bottleneck": bottleneck(account),
        "simulated_in_s": round(time.perf_counter() - began_s, 1),
        "assumed": ["clip_gpu_s", "fetch", "driver", "20 ms per put", "prices", "lengths", "node losses"],
        "costs": asdict(costs),
        "cluster": asdict(cluster),
        "archive": asdict(archive),
    }
    print(json.dumps(result, indent=2))


def predict(measured: dict[str, Any]) -> float:
    """Return the video seconds per second that 2 readers should reach, from what 1 reader took."""
    videos, one = measured["videos"], measured["one"]
    length_s = measured["video_s"] / videos
    costs = Costs(
        read_s_per_video_s=one["read_s"] / measured["video_s"],
        fetch_s_per_mb=0.0,
        mb_per_video_s=0.0,
        start_read_s=one["between_s"] / videos,
        clip_gpu_s=0.0,
        driver_s_per_video=one["driver_cpu_s"] / videos,
        driver_s_per_batch=0.0,
        commit_s=0.0,
        commit_s_per_video=0.0,
        evidence_s_per_clip=0.0,
    )
    cluster = Cluster(readers=2, gpus=1, node_losses_per_day=0.0)
    archive = Archive(videos, median_s=length_s, spread=0.0, no_face=0.0, clips_per_video_s=0.0)
    return Simulation(costs, cluster, archive, seed=1).run()["video_s_per_s"]


def check(measured: dict[str, Any]) -> None:
    predicted, seen = predict(measured), measured["two"]["video_s_per_s"]
    print(json.dumps({"predicted": predicted, "measured": seen, "ratio": round(predicted / seen, 3)}))


if __name__ == "__main__":
    main()
