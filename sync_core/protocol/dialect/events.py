"""What the dialect's sessions report to the program that drives them; the rest is in ``protocol.events``."""

from __future__ import annotations

from dataclasses import dataclass

from sync_core.protocol.dialect.messages import Answer, Request, Unknown

__all__ = ["Answered", "Asked", "ContentReceived", "Finished"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request; its answer is due. An ``Unknown`` stands for one of another version, and is its answer."""

    request: Request | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A message of an answer to ``request``, the very object; contents follow where it announces some."""

    request: Request
    answer: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentReceived:
    """Some bytes of a content, in order; at least one such event for each content that is announced.

    Attributes:
        request: what was asked, the very object.
        index: which content: of ``Contents.files``, or of ``Delta.inline``.
        offset: where these bytes belong in the file.
        data: they, nobody has checked them yet.
        is_last: whether they are the last of what was announced.
    """

    request: Request
    index: int
    offset: int
    data: bytes
    is_last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The answer to the oldest request is complete."""

    request: Request
