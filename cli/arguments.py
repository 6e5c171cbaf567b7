"""Command lines before they are parsed: options in front of the command, and what an error must know of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["asks_for_json", "command_of", "options_after_command", "stays_until_a_signal"]

_VALUES = {"--inventory", "--limit", "--output", "--color", "--lock-timeout", "--splay"}
_FLAGS = {"--quiet", "--verbose"}
_SHORT_VALUES = "ilo"
_SHORT_FLAGS = "qv"
_TAKE_A_VALUE = {"i", "l", "n"}
_RETURNING = {"--detach", "--install", "--check"}
_SHORT_RETURNING = "dC"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Front:
    """What stands before the command.

    Attributes:
        common: common options with their values.
        other: anything else: ``--help``, ``--version``, what nobody knows.
        rest: the command and everything after it.
    """

    common: tuple[str, ...]
    other: tuple[str, ...]
    rest: tuple[str, ...]


def options_after_command(argv: Sequence[str]) -> list[str]:
    """Return ``argv`` with the common options moved behind the command, where each command declares them.

    ``-o json status -q`` becomes ``status -o json -q``, so both places mean the same and the later one wins.
    """
    front = _split(argv)
    if not front.rest:
        return list(front.other)
    return [*front.other, front.rest[0], *front.common, *front.rest[1:]]


def command_of(argv: Sequence[str]) -> str | None:
    """Return the word that stands for the command, known or not; ``None`` if there is none."""
    rest = _split(argv).rest
    return rest[0] if rest else None


def asks_for_json(argv: Sequence[str]) -> bool:
    """Return whether ``-o json`` is asked for in any spelling; needed where parsing itself failed."""
    return any(value == "json" for value in _outputs(argv))


def stays_until_a_signal(argv: Sequence[str]) -> bool:
    """Return whether the command runs agents in the foreground, where a signal is the ordinary end."""
    match _split(argv).rest:
        case ("agent", *_):
            return True
        case ("up", *words):
            return not any(map(_makes_up_return, words))
    return False


def _makes_up_return(word: str) -> bool:
    if word.startswith("--") or not word.startswith("-"):
        return word in _RETURNING
    for letter in word[1:]:
        if letter in _SHORT_VALUES:
            break
        if letter in _SHORT_RETURNING:
            return True
    return False


def _outputs(argv: Sequence[str]) -> Iterator[str]:
    """Yield the values of all ``-o``/``--output``, up to ``--``."""
    words = iter(argv)
    for word in words:
        if word == "--":
            return
        name, has_value, value = word.partition("=")
        if name == "--output":
            yield value if has_value else next(words, "")
        elif word.startswith("-") and not word.startswith("--") and "o" in word:
            # `-o json`, `-ojson`, and behind flags: `-qo json`, `-vvojson`; behind `-n` an `o` is part of its value
            flags, _, value = word[1:].partition("o")
            if not set(flags) & _TAKE_A_VALUE:
                yield value or next(words, "")


def _split(argv: Sequence[str]) -> _Front:
    common: list[str] = []
    other: list[str] = []
    at = 0
    while at < len(argv) and argv[at] != "--" and argv[at].startswith("-") and argv[at] != "-":
        words = _common_words(argv[at])
        (common if words else other).extend(argv[at : at + max(words, 1)])
        at += max(words, 1)
    if at < len(argv) and argv[at] == "--":
        at += 1
    return _Front(common=tuple(common), other=tuple(other), rest=tuple(argv[at:]))


def _common_words(word: str) -> int:
    """Return how many words the common option ``word`` takes, itself included; 0 if it is none."""
    if word.startswith("--"):
        name, has_value, _ = word.partition("=")
        if name in _VALUES:
            return 1 if has_value else 2
        return int(word in _FLAGS)
    for place, letter in enumerate(word[1:], start=2):
        if letter in _SHORT_VALUES:
            return 1 if place < len(word) else 2
        if letter not in _SHORT_FLAGS:
            return 0
    return 1
