"""The first look at a file: is it shaped as an inventory, or as variables? The model of ``variables`` decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import cache
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from sync_core.inventory.node import Node
from sync_core.inventory.problems import MAX_PROBLEMS, Place, Problems, closest, shown
from sync_core.inventory.values import Expects
from sync_core.inventory.variables import (
    NOT_BUILT,
    AllowedHostTable,
    DocumentModel,
    GroupTable,
    Variables,
    VariableTable,
)

__all__ = ["check_shape", "check_variables_shape", "value_problem"]


_OLD_FLAGS = frozenset({"yes", "no", "on", "off", "y", "n"})
"""What older YAML took for true and false."""


def check_shape(document: Node, problems: Problems) -> None:
    """Note every value of ``document`` that is none, and every name that nobody knows."""
    try:
        DocumentModel.model_validate(document.plain)
    except ValidationError as error:
        _report_all(error, document, _Kind.DOCUMENT, problems)


def check_variables_shape(table: Node, problems: Problems) -> None:
    """Note every value of ``table``, the root of a file of variables, that is none, and every unknown name."""
    try:
        _variables().validate_python(table.plain)
    except ValidationError as error:
        _report_all(error, table, _Kind.VARIABLES, problems)


def value_problem(variable: str, value: object) -> tuple[str, str | None]:
    """Return the message and the hint for a value that ``variable`` must not have."""
    is_flag = _EXPECTED[variable] == _EXPECTED["become"]
    hint = "`yes`, `no`, `on`, `off` are text" if is_flag and str(value).lower() in _OLD_FLAGS else None
    return f"{shown(variable)}: {shown(value)} is not {_EXPECTED[variable]}", hint


def _expectations(*models: type[BaseModel]) -> Iterator[tuple[str, str]]:
    for model in models:
        for name, info in model.model_fields.items():
            yield from ((name, mark.text) for mark in info.metadata if isinstance(mark, Expects))


_EXPECTED = dict(_expectations(GroupTable, VariableTable, AllowedHostTable))


@cache
def _variables() -> TypeAdapter[VariableTable]:
    return TypeAdapter(Variables)  # nearly nobody has files of variables


class _Kind(Enum):
    """What stands at a position of the document."""

    DOCUMENT = auto()
    GROUP = auto()
    PART = auto()
    HOST = auto()
    VARIABLES = auto()
    VALUE = auto()
    ENTRY = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spot:
    """A position of the document: what stands there, under which name, within what.

    Attributes:
        path: the labels that lead to it.
        rest: labels that lead nowhere: a key that is missing, or a branch of a union.
    """

    kind: _Kind
    within: _Kind
    name: str
    node: Node
    key_place: Place
    path: tuple[int | str, ...] = ()
    rest: tuple[int | str, ...] = ()


def _report_all(error: ValidationError, root: Node, kind: _Kind, problems: Problems) -> None:
    details = error.errors(include_url=False, include_context=False)[: MAX_PROBLEMS + 1]
    start = _Spot(kind=kind, within=kind, name="", node=root, key_place=root.place)
    spots = [(_find(start, detail["loc"]), str(detail["type"])) for detail in details]
    around = {spot.path[:length] for spot, _ in spots for length in range(len(spot.path))}
    for spot, error_type in spots:
        is_name = spot.rest == ("[key]",)  # names are checked where groups are read, which says more
        is_outer = spot.kind is _Kind.VALUE and spot.path in around  # the part of the value at fault says more
        if not is_name and not is_outer:
            _report(spot, error_type, problems)


def _find(spot: _Spot, location: Iterable[int | str]) -> _Spot:
    for label in location:
        content, table = spot.node.content, spot.node.table
        if isinstance(label, int) and isinstance(content, tuple):
            kind = _Kind.ENTRY if spot.name == "allowed_hosts" else _Kind.VALUE
            child, place, name = content[label], content[label].place, spot.name
        elif isinstance(label, str) and label in table and spot.kind is not _Kind.VALUE:
            kind, name = _kind_below(spot, label), label
            child, place = table[label], spot.node.key_places[label]
        else:
            spot = replace(spot, rest=(*spot.rest, label))
            continue
        path = (*spot.path, label)
        spot = _Spot(kind=kind, within=spot.kind, name=name, node=child, key_place=place, path=path)
    return spot


def _kind_below(spot: _Spot, label: str) -> _Kind:
    match spot.kind:
        case _Kind.DOCUMENT:
            return _Kind.GROUP
        case _Kind.GROUP:
            return _Kind.VARIABLES if label == "vars" else _Kind.PART
        case _Kind.PART:
            return _Kind.GROUP if spot.name == "children" else _Kind.HOST
        case _:
            return _Kind.VALUE


def _report(spot: _Spot, error_type: str, problems: Problems) -> None:
    if spot.kind is _Kind.VALUE and spot.rest:  # something within a value
        problems.add(spot.node.place, *_wrong_kind(spot))
    elif error_type == "extra_forbidden":
        problems.add(spot.key_place, *_unknown(spot))
    elif error_type == "missing":
        problems.add(spot.node.place, f"an entry of `allowed_hosts` needs {shown(spot.rest[-1])}", "{host, level}")
    else:
        problems.add(spot.node.place, *_wrong_kind(spot))


def _wrong_kind(spot: _Spot) -> tuple[str, str | None]:
    value: Any = spot.node.plain
    match spot.kind:
        case _Kind.DOCUMENT:
            return f"{shown(value)} is not an inventory", "a mapping of groups: all, masters, slaves"
        case _Kind.GROUP if spot.name == "plugin":
            return "inventory plugins are Ansible's own", "use what `ansible-inventory --list` makes of this file"
        case _Kind.GROUP:
            return f"the group {shown(spot.name)}: {shown(value)} is not a mapping", "of `hosts`, `children`, `vars`"
        case _Kind.HOST:
            return f"the host {shown(spot.name)}: {shown(value)} is not a mapping of variables", None
        case _Kind.VARIABLES if not spot.name:
            return f"{shown(value)} is not a mapping of variables", None
        case _Kind.PART | _Kind.VARIABLES:
            hint = "a colon after each name" if isinstance(value, (str, list)) else None
            return f"{shown(spot.name)}: {shown(value)} is not {_EXPECTED[spot.name]}", hint
        case _Kind.ENTRY:
            return f"`allowed_hosts`: {shown(value)} is not a mapping", "{host, level}"
        case _:
            return value_problem(spot.name, value)


def _unknown(spot: _Spot) -> tuple[str, str | None]:
    match spot.within:
        case _Kind.GROUP if spot.name in VariableTable.model_fields:
            return f"{shown(spot.name)} does not stand directly in a group", "put it below `vars`"
        case _Kind.GROUP:
            hint = closest(spot.name, GroupTable.model_fields) or "a group holds `hosts`, `children` and `vars`"
            return f"unknown key {shown(spot.name)} in a group", hint
        case _Kind.ENTRY:
            return f"unknown key {shown(spot.name)} in an entry of `allowed_hosts`", "{host, level}"
        case _ if spot.name in NOT_BUILT:
            return f"{shown(spot.name)} is not built yet", "remove it; a later version understands it"
        case _:
            hint = closest(spot.name, VariableTable.model_fields) or "names of your own begin with `x_`"
            return f"unknown variable {shown(spot.name)}", hint
