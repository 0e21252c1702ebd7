"""The census: how many actors there are, whether they are enough, and how things stand."""

import time

from workers.fleet.config import FleetError
from workers.fleet.metrics import Role
from workers.fleet.post import Post
from workers.fleet.shift import Shift

SHOW_S = 1.0
"""Seconds between two looks of the metrics at how things stand."""


class Census:
    """Counts the actors of a shift.

    Args:
        shift: of the scan.
    """

    def __init__(self, shift: Shift) -> None:
        self._shift = shift
        self._shown_s = 0.0
        self._enough_s: dict[Role, float] = {}

    def check_places(self) -> None:
        """Give up when too few actors have had a place for too long.

        Raises:
            FleetError: the cluster has no place for them.
        """
        config, now_s = self._shift.config, time.monotonic()
        least: dict[Role, int] = {
            "reader": config.min_readers or 1,
            "describer": config.min_describers or 1,
        }
        for role, posts in self._by_role().items():
            up = sum(post.is_up for post in posts)
            if up >= least[role] or not config.is_elastic:
                self._enough_s[role] = now_s
            elif now_s - self._enough_s.setdefault(role, now_s) > config.place_s:
                raise FleetError(
                    f"{up} of at least {least[role]} {role}s have found a place in {config.place_s:.0f} s; "
                    "the cluster has too few CPUs or GPUs for them"
                )

    def show(self) -> None:
        """Tell the meter how things stand, now and then."""
        now_s = time.monotonic()
        if now_s - self._shown_s < SHOW_S:
            return
        self._shown_s = now_s
        self._shift.meter.turn(
            queued=len(self._shift.batches),
            waiting_bytes=self._shift.waiting_bytes,
            actors={
                role: (len(posts), sum(post.is_up for post in posts), sum(post.is_busy for post in posts))
                for role, posts in self._by_role().items()
            },
        )

    def _by_role(self) -> dict[Role, tuple[Post, ...]]:
        return {"reader": self._shift.readers, "describer": self._shift.describers}
