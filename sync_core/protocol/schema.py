"""What the original's schema check refuses, and the simple types of attribute values.

Real peers validate every request; an unknown element or attribute gets ``LIBXML2-007`` (``protocol.md`` section 17).
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from sync_core.model.errors import RemoteProtocolError
from sync_core.protocol.texts import text
from sync_core.protocol.xml import Element

__all__ = ["MAX_TEXT_CHARS", "check_element", "parse_boolean", "parse_number", "parse_text", "refusal", "violation"]

MAX_TEXT_CHARS = 255
"""Of an id or a version: a master remembers them of all its slaves, and shows them."""

_NUMBER = re.compile(r"[0-9]{1,18}")
_BOOLEANS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False, "": False}


def refusal(code: str, *insertions: object) -> RemoteProtocolError:
    """Return the error whose text is that of an ERROR answer with ``code`` (see ``texts.text``)."""
    return RemoteProtocolError(text(code, *insertions), answer_code=code)


def violation(reason: str) -> RemoteProtocolError:
    """Return the error for a well-formed document that says something which its schema does not allow."""
    return refusal("LIBXML2-007", reason)


def check_element(
    element: Element, *, attributes: AbstractSet[str] = frozenset(), children: AbstractSet[str] = frozenset()
) -> None:
    """Refuse whatever of ``element`` is not listed here; character data is never allowed.

    ``RemoteProtocolError`` with ``LIBXML2-007``; the text names the culprit.
    """
    for name in element.attributes:
        if name not in attributes:
            raise violation(f"Element '{element.name}': the attribute '{name}' is not allowed")
    for child in element.children:
        if child.name not in children:
            raise violation(f"Element '{element.name}': the element '{child.name}' is not expected here")
    if element.text.strip():
        raise violation(f"Element '{element.name}': character data is not allowed")


def parse_number(element: Element, attribute: str, *, at_most: int) -> int:
    """Return the value of a ``nonNegativeInteger`` attribute that is there.

    ``RemoteProtocolError``: it is no such number, or more than ``at_most``.
    """
    value = element.attributes[attribute].strip()
    if not _NUMBER.fullmatch(value) or int(value) > at_most:
        raise _bad_value(element, attribute, value)
    return int(value)


def parse_boolean(element: Element, attribute: str) -> bool:
    """Return the value of a yes-or-no attribute; ``False`` if it is missing or empty.

    ``RemoteProtocolError``: it is none of ``yes no true false 1 0``.
    """
    value = element.attributes.get(attribute, "").strip()
    if value not in _BOOLEANS:
        raise _bad_value(element, attribute, value)
    return _BOOLEANS[value]


def parse_text(element: Element, attribute: str) -> str:
    """Return the value of an attribute that is kept or shown, such as an id; empty if it is missing.

    Raises:
        RemoteProtocolError: it is longer than ``MAX_TEXT_CHARS``.
    """
    value = element.attributes.get(attribute, "")
    if len(value) > MAX_TEXT_CHARS:
        raise _bad_value(element, attribute, value)
    return value


def _bad_value(element: Element, attribute: str, value: str) -> RemoteProtocolError:
    return violation(f"Element '{element.name}', attribute '{attribute}': the value '{value[:100]}' is not valid")
