"""The kinds of values that variables have: what pydantic checks, and what an error message calls it.

Numbers may be text, since ``"{n}"`` becomes text; text may hold placeholders, so it is checked again, with the
same types, once they have been filled in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from sync_core.inventory.names import check_folder_name
from sync_core.inventory.node import Octal

__all__ = [
    "Address",
    "DirMode",
    "Expects",
    "FileMode",
    "Flag",
    "FolderName",
    "GroupName",
    "HostName",
    "MasterNames",
    "MostRemovals",
    "PathText",
    "Port",
    "PortOrZero",
    "Seconds",
    "Text",
    "UserOrGroup",
]


def _check_octal(value: object) -> object:
    """Return ``value`` if it is no number that was written in decimal: ``0640`` is 640 in YAML 1.2, which is 0o1200.

    Raises:
        ValueError: it is one.
    """
    if isinstance(value, int) and not isinstance(value, Octal):
        raise ValueError("it was not written in octal")
    return value


@dataclass(frozen=True, slots=True)
class Expects:
    """What a value must be, in the words of an error message.

    Args:
        text: completes the sentence "… is not …".
    """

    text: str


_FILLED = r"(?:[0-9]*(?:\{(?:n|name)\}[0-9]*)+)"  # digits around placeholders; the filled-in text is checked later
_PORT = r"(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_CLEAN = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$"
_ADDRESS_START = r"[^\s\x00-\x1f\x7f-\x9f/\\\[\]@#,-]"
_ADDRESS_REST = r"[^\s\x00-\x1f\x7f-\x9f/\\\[\]@#,]"
_ID_START = r"[^\s\x00-\x1f\x7f-\x9f/:,-]"
_ID_REST = r"[^\s\x00-\x1f\x7f-\x9f/:,]"
_ZEROS = "0{0,9}"  # a zero-padded range may fill a number
_MAX_TEXT = 4096

GroupName: TypeAlias = Annotated[
    str,
    StringConstraints(
        pattern=r"^[^!&~@.,*?\[\]{}#\"'`$/\\\s\x00-\x1f\x7f-\x9f-][^,*?\[\]{}#@\"'`$/\\\s\x00-\x1f\x7f-\x9f]*$"
    ),
]
"""What ``names.check_member_name`` allows, as far as a pattern can say it."""

HostName: TypeAlias = Annotated[
    str,
    StringConstraints(pattern=r"^[^!&~@.,*?{}#\"'`$/\\\s\x00-\x1f\x7f-\x9f-][^,*?{}#@\"'`$/\\\s\x00-\x1f\x7f-\x9f]*$"),
]
"""The same, with the brackets of ranges."""

Text: TypeAlias = Annotated[str, StringConstraints(pattern=_CLEAN, max_length=_MAX_TEXT), Expects("one line of text")]
PathText: TypeAlias = Annotated[str, StringConstraints(pattern=_CLEAN, max_length=_MAX_TEXT), Expects("a path")]
Address: TypeAlias = Annotated[
    str,
    StringConstraints(pattern=rf"^{_ADDRESS_START}{_ADDRESS_REST}*$", max_length=255),
    Expects("a host name or an IP address (without port, without brackets)"),
]
FolderName: TypeAlias = Annotated[
    str,
    StringConstraints(pattern=r"^[ -\-0-\[\]-~\u00a0-\u00ff][ -.0-\[\]-~\u00a0-\u00ff]*$", max_length=255),
    AfterValidator(check_folder_name),
    Field(json_schema_extra={"not": {"const": "_all"}}),
    Expects("one folder name (no slashes, no leading dot, not `_all`, ISO-8859-1 characters)"),
]
Port: TypeAlias = Annotated[
    Annotated[int, Field(ge=1, le=65535)]
    | Annotated[str, StringConstraints(pattern=rf"^(?:{_ZEROS}{_PORT}|{_FILLED})$")],
    Expects("a port from 1 to 65535"),
]
PortOrZero: TypeAlias = Annotated[
    Annotated[int, Field(ge=0, le=65535)]
    | Annotated[str, StringConstraints(pattern=rf"^(?:{_ZEROS}(?:0|{_PORT})|{_FILLED})$")],
    Expects("a port from 0 to 65535 (0 = none)"),
]
Seconds: TypeAlias = Annotated[
    Annotated[int, Field(gt=0, lt=100_000_000)]
    | Annotated[float, Field(gt=0, lt=100_000_000, allow_inf_nan=False)]
    | Annotated[
        str,
        StringConstraints(
            pattern=rf"^(?:{_ZEROS}[1-9][0-9]{{0,7}}(?:\.[0-9]{{1,9}})?|{_ZEROS}\.[0-9]{{0,8}}[1-9]|{_FILLED})$",
        ),
    ],
    Expects("a number of seconds above 0"),
]
MostRemovals: TypeAlias = Annotated[
    Annotated[int, Field(ge=0, le=999_999_999)]
    | Annotated[str, StringConstraints(pattern=rf"^(?:[0-9]{{1,9}}|{_ZEROS}(?:100|[1-9]?[0-9])%|{_FILLED}%?)$")],
    Expects("a number of files, or a percentage from 0% to 100%"),
]
MasterNames: TypeAlias = Annotated[
    Text | Annotated[list[Text], Field(min_length=1, max_length=50, json_schema_extra={"uniqueItems": True})],
    Expects("a master's name, or a list of them"),
]
FileMode: TypeAlias = Annotated[
    Annotated[int, Field(ge=0o400, le=0o777)] | Annotated[str, StringConstraints(pattern=r"^(?:0o?)?[4-7][0-7]{2}$")],
    BeforeValidator(_check_octal),
    Expects("permission bits in octal, such as '0640' or 0o640, with which the owner may read"),
]
DirMode: TypeAlias = Annotated[
    Annotated[int, Field(ge=0o700, le=0o777)] | Annotated[str, StringConstraints(pattern=r"^(?:0o?)?7[0-7]{2}$")],
    BeforeValidator(_check_octal),
    Expects("permission bits in octal, such as '0750' or 0o750, with which the owner may do all"),
]
UserOrGroup: TypeAlias = Annotated[
    Annotated[int, Field(ge=0, le=4_294_967_294)]
    | Annotated[str, StringConstraints(pattern=rf"^{_ID_START}{_ID_REST}*$", max_length=255)],
    Expects("a name or a number"),
]
Flag: TypeAlias = Annotated[bool, Expects("true or false")]
