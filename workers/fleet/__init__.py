"""The one place that knows Ray: wraps readers and describers as actors, places, feeds and buries them.

Readers are stateful: `fetch` hashes a source, `begin` opens it, each `advance` gives the next batch of clips
and of rows that are final, at last the video's own row. Clips wait in the driver's queue as references; their
pixels go from reader to describer through the object store. Rows are passed on at once, as parts. While the
queue is full, readers are not asked to advance: that is the back-pressure. An actor that dies or falls silent
is replaced. A death costs what the actor worked on, and nothing else, one of its attempts: the reader's
video, or the describer's batch. A machine that is lost costs no attempt.

A long video divides into spans. Its reader and those that would otherwise be idle `look` at one span each;
what they have seen goes through the object store to the video's reader, which `take`s it in order. A reader
that dies over a span that it only helped with costs that span a second look.
"""

from typing import TYPE_CHECKING, Any

from workers.fleet.config import FleetConfig, FleetError

if TYPE_CHECKING:
    from workers.fleet.fleet import Fleet

__all__ = ["Fleet", "FleetConfig", "FleetError"]


def __getattr__(name: str) -> Any:
    """Import Ray when the fleet itself is wanted: its configuration and its error are, all the time."""
    if name == "Fleet":
        from workers.fleet.fleet import Fleet  # noqa: PLC0415

        return Fleet
    raise AttributeError(name)
