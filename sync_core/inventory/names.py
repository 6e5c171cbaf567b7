"""Names of hosts, groups and folders: which are safe, and the ranges that stand for many of them.

A host's name becomes a folder below the state folder, a scheduler id in registrations and a word in patterns, so
it must be harmless as all three.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sync_core.model.errors import UnsafeNameError
from sync_core.model.path import check_name
from sync_core.model.security import parse_ip

__all__ = ["MAX_NAME_BYTES", "ExpandedName", "check_folder_name", "check_member_name", "count", "expand"]

MAX_NAME_BYTES = 255
"""What one name may measure on the file systems of Linux."""

_LATIN = re.compile(r"[ -~\u00a0-\u00ff]*")  # what a registration can carry: protocol.md section 1.2
_UNSAFE_IN_PATTERNS = frozenset(",*?[]{}#@\"'`$ \u00a0")
_UNSAFE_AT_THE_START = frozenset("!&~-@")

_RANGE = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpandedName:
    """One name that a range stands for.

    Attributes:
        name: the host's name.
        n: the value that the name's first range has in it; ``None`` for a name without ranges.
    """

    name: str
    n: str | None


def check_folder_name(text: str) -> str:
    """Return ``text`` if it can be a slave's folder below ``remote``, or a scheduler id.

    Raises:
        ValueError: it can't; the text says why.
    """
    try:
        check_name(text)
    except UnsafeNameError as error:
        raise ValueError(str(error)) from None
    if text.startswith("."):
        raise ValueError("names that begin with a dot are ignored below `remote`")
    if text == "_all":
        raise ValueError("`_all` is the folder of every slave")
    if len(text.encode("utf-8")) > MAX_NAME_BYTES:
        raise ValueError(f"it is longer than {MAX_NAME_BYTES} bytes")
    if not _LATIN.fullmatch(text):
        raise ValueError("it has characters that a registration can't carry (control characters, or beyond ISO-8859-1)")
    return text


def check_member_name(text: str) -> str:
    """Return ``text`` if it can be the name of a host or group.

    Raises:
        ValueError: it can't; the text says why.
    """
    check_folder_name(text)
    if text[0] in _UNSAFE_AT_THE_START:
        raise ValueError(f"`{text[0]}` at its beginning means something else in patterns and options")
    unsafe = sorted(_UNSAFE_IN_PATTERNS.intersection(text))
    if unsafe:
        raise ValueError(f"`{unsafe[0]}` is not allowed in it")
    if ":" in text and parse_ip(text) is None:
        raise ValueError("a colon only stands in IPv6 addresses; ports are variables")
    return text


def count(name: str) -> int:
    """Return how many hosts ``name`` stands for, without expanding it.

    Raises:
        ValueError: a range in it is wrong.
    """
    total = 1
    for values in _ranges(name):
        total *= len(values.numbers)
    return total


def expand(name: str) -> Iterator[ExpandedName]:
    """Yield the names that ``name`` stands for: ``[a:b]`` and ``[a:b:step]`` count up, both ends included.

    Numbers keep their zero padding (``[01:20]``), single letters count through the alphabet, lower case before
    upper case, as in Ansible. Several ranges multiply, the last one counting fastest.

    Raises:
        ValueError: a range in it is wrong.
    """
    texts = _RANGE.split(name)[::2]
    ranges = _ranges(name)
    if not ranges:
        yield ExpandedName(name=name, n=None)
        return
    for number in range(count(name)):
        chosen = _digits(number, ranges)
        parts = [text for pair in zip(texts, [*chosen, ""], strict=True) for text in pair]
        yield ExpandedName(name="".join(parts), n=chosen[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    """The values of one range, made when they are asked for: it may be absurdly long."""

    numbers: range
    width: int = 0
    is_letters: bool = False

    def text(self, index: int) -> str:
        number = self.numbers[index]
        return string.ascii_letters[number] if self.is_letters else str(number).zfill(self.width)


def _digits(number: int, ranges: Sequence[_Range]) -> list[str]:
    """Read ``number`` as a counter whose places are the ranges, and return each place's text."""
    chosen = []
    for values in reversed(ranges):
        number, index = divmod(number, len(values.numbers))
        chosen.append(values.text(index))
    return chosen[::-1]


def _ranges(name: str) -> list[_Range]:
    rest = _RANGE.sub("", name)
    if "[" in rest or "]" in rest:
        raise ValueError("it has a bracket without its partner")
    return [_range(text) for text in _RANGE.findall(name)]


def _range(text: str) -> _Range:
    bounds = text.split(":")
    if len(bounds) not in {2, 3}:
        raise ValueError("a range is [first:last] or [first:last:step]")
    first, last, step = bounds[0] or "0", bounds[1], (bounds[2:] or ["1"])[0]
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", step):
        raise ValueError("the step of a range is a number from 1")
    if re.fullmatch(r"[a-zA-Z]", first) and re.fullmatch(r"[a-zA-Z]", last):
        letters = string.ascii_letters
        found = _Range(numbers=range(letters.index(first), letters.index(last) + 1, int(step)), is_letters=True)
    else:
        found = _Range(numbers=range(*_bounds(first, last), int(step)), width=len(first) if first[0] == "0" else 0)
    if not found.numbers:
        raise ValueError(f"the range [{text}] is empty: its first value comes after its last")
    return found


def _bounds(first: str, last: str) -> tuple[int, int]:
    if not re.fullmatch(r"[0-9]{1,9}", first) or not re.fullmatch(r"[0-9]{1,9}", last):
        raise ValueError("a range goes from number to number (at most 9 digits), or from letter to letter")
    if len(first) > 1 and first[0] == "0" and len(last) != len(first):
        raise ValueError("with zero padding the first and the last value of a range have the same length")
    return int(first), int(last) + 1
