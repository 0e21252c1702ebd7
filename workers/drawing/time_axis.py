"""A time axis in a picture: where a moment is, and which moments are named."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
_TICK_PX = 88


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """A horizontal axis; a video of no length gets one of a tenth of a second.

    Attributes:
        start_s: time at its left end.
        end_s: time at its right end.
        left_px: where it begins.
        width_px: how long it is.
    """

    start_s: float
    end_s: float
    left_px: int
    width_px: int

    @property
    def span_s(self) -> float:
        """Seconds from end to end."""
        return max(0.1, self.end_s - self.start_s)

    def x_px(self, time_s: float) -> int:
        """Return where a moment is; one outside the axis goes to its end."""
        share = min(1.0, max(0.0, (time_s - self.start_s) / self.span_s))
        return self.left_px + round(share * self.width_px)

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Yield round moments and their names, as many as have room."""
        least_s = self.span_s * _TICK_PX / self.width_px
        step_s = next((step for step in _STEPS_S if step >= least_s), math.ceil(least_s / 86400) * 86400)
        number = math.ceil(self.start_s / step_s - 1e-9)
        while number * step_s <= self.start_s + self.span_s + 1e-9:
            is_short = self.end_s < 60
            name = clock_of(number * step_s, step_s, is_short=is_short) + (" s" if is_short else "")
            yield number * step_s, name
            number += 1


def clock_of(time_s: float, step_s: float, *, is_short: bool | None = None) -> str:
    """Return a time as seconds, m:ss or h:mm:ss.

    Args:
        time_s: since zero; may be negative.
        step_s: below one second, tenths are given.
        is_short: whether to give seconds only; by default up to a minute.

    Example:
        >>> clock_of(7.25, 0.1), clock_of(75, 1), clock_of(3725, 60)
        ('7.2', '1:15', '1:02:05')
    """
    digits = 1 if step_s < 1 else 0
    scale = 10**digits
    sign = "-" if time_s < 0 else ""
    units = round(abs(time_s) * scale)
    minutes, rest = divmod(units, 60 * scale)
    if is_short or (is_short is None and not minutes):
        return f"{sign}{units / scale:.{digits}f}"
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest / scale:0{2 + 2 * bool(digits)}.{digits}f}"
    return f"{sign}{hours}:{minutes:02}:{seconds}" if hours else f"{sign}{minutes}:{seconds}"
