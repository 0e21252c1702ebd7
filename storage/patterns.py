"""Patterns: which sources are meant, by their uris."""

import re
from collections.abc import Callable, Sequence
from fnmatch import translate

_Matcher = tuple[re.Pattern[str] | None, re.Pattern[str] | None]


class Patterns:
    """Which objects of the archives are meant, by their uris.

    `*` stands for any letters, slashes too, `?` for one letter, `[ab]` for one of these. A pattern without a
    slash is one of names, any other one of whole uris. Upper and lower case differ.

    Args:
        include: what is listed matches one of them; without any, everything is.
        exclude: what is listed matches none of them.

    Example:
        >>> Patterns(["*.mp4"], ["*/proxies/*"]).means("s3://bucket/proxies/a.mp4")
        False
    """

    def __init__(self, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> None:
        self._include = _matcher(include)
        self._exclude = _matcher(exclude)

    def means(self, uri: str) -> bool:
        """Say whether an object is meant."""
        return not self.leaves_out(uri) and (self._include is None or _matches(self._include, uri))

    def leaves_out(self, uri: str) -> bool:
        """Say whether an object is left out by name."""
        return self._exclude is not None and _matches(self._exclude, uri)


def meant_by(pattern: str, is_source: Callable[[str], bool]) -> Callable[[str], bool]:
    """Return what says whether a source is meant by one pattern, as the options `--source` take it.

    The whole uri of a source means that source alone: a name may have brackets and stars in it. Any other
    pattern is one of whole uris, and without a slash one of names, too.

    Args:
        pattern: as `*/night/*.mp4`, of the letters that `Patterns` knows.
        is_source: says whether there is a source of this uri.

    Example:
        >>> list(filter(meant_by("a[1].mp4", lambda _: False), ["/x/a1.mp4", "/x/a[1].mp4"]))
        ['/x/a1.mp4']
        >>> list(filter(meant_by("/x/a[1].mp4", lambda _: True), ["/x/a1.mp4", "/x/a[1].mp4"]))
        ['/x/a[1].mp4']
    """
    if is_source(pattern):
        return pattern.__eq__
    match = re.compile(translate(pattern)).match
    if "/" in pattern:
        return lambda uri: match(uri) is not None
    return lambda uri: match(uri) is not None or match(uri.rpartition("/")[2]) is not None


def _matcher(patterns: Sequence[str]) -> _Matcher | None:
    """Return the patterns of names and those of uris, as one expression each."""
    of_names = "|".join(translate(pattern) for pattern in patterns if "/" not in pattern)
    of_uris = "|".join(translate(pattern) for pattern in patterns if "/" in pattern)
    if not patterns:
        return None
    return re.compile(of_names) if of_names else None, re.compile(of_uris) if of_uris else None


def _matches(matcher: _Matcher, uri: str) -> bool:
    of_names, of_uris = matcher
    return bool((of_names and of_names.match(uri.rpartition("/")[2])) or (of_uris and of_uris.match(uri)))
