"""Who is found at an address and a second mark, a port or an id."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Generic, Protocol, TypeVar

__all__ = ["Places"]


class _Ordered(Hashable, Protocol):
    def __lt__(self, other: Any, /) -> bool: ...


P = TypeVar("P", bound=Hashable)
S = TypeVar("S", bound=_Ordered)


class Places(Generic[P, S]):
    """Several subjects at several places each; a look costs the same for ten and for ten thousand."""

    def __init__(self) -> None:
        self._at: dict[P, list[S]] = {}

    def add(self, subject: S, places: Iterable[P]) -> None:
        """Put ``subject`` at each of ``places``."""
        for place in places:
            here = self._at.setdefault(place, [])
            index = bisect_left(here, subject)
            if here[index : index + 1] != [subject]:
                here.insert(index, subject)

    def remove(self, subject: S, places: Iterable[P]) -> None:
        """Take ``subject`` away from each of ``places``."""
        for place in places:
            here = self._at.get(place, [])
            index = bisect_left(here, subject)
            if here[index : index + 1] == [subject]:
                del here[index]
                if not here:
                    del self._at[place]

    def at(self, places: Iterable[P]) -> Sequence[S]:
        """Return who is at any of ``places``, in order and once; never to be changed."""
        found = [self._at[place] for place in places if place in self._at]
        if len(found) == 1:
            return found[0]
        return sorted(set().union(*found)) if found else []
