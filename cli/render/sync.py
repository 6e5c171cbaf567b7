"""``jsync sync``: what one fetch changed, or would change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from cli.documents import plain
from cli.render.recap import recap_cell
from cli.render.unified import side, too_large, unified
from cli.tables import Cell, Style, Styled, Table

if TYPE_CHECKING:
    from sync_core.fleet.shown_cache import ContentChange
    from sync_core.fleet.sync import Synced
    from sync_core.model.file import File

__all__ = ["sync_document", "sync_lines", "sync_recap", "sync_summary", "sync_unified"]


_STYLES = {"added": Style.GOOD, "changed": Style.DOUBTFUL, "removed": Style.BAD}


def sync_document(result: Synced, *, with_contents: bool) -> dict[str, object]:
    """Return one slave's part of the document; ``with_contents`` adds ``unified``."""
    document: dict[str, object] = {
        "slave": result.slave,
        "master": result.master,
        "recap": result.outcome.value,
        "changes": plain(result.effects),
        "error": plain(result.error),
    }
    if with_contents:
        document["unified"] = "".join(f"{line}\n" for line in sync_unified(result))
    return document


def sync_summary(result: Synced, *, check: bool) -> str:
    """Return one line about one slave."""
    if not result.effects:
        return f"{result.slave}: in sync with {result.master}"
    counts = ", ".join(f"{count} {action}" for count, action in zip(_counts(result), _STYLES, strict=True))
    return f"{result.slave}: {'would fetch' if check else 'fetched'} from {result.master}: {counts}"


def sync_recap(results: Iterable[Synced]) -> Table:
    """Return a line for each slave: what came of it."""
    columns = ("SLAVE", "RECAP", *(action.upper() for action in _STYLES), "MASTER")
    rows = tuple((one.slave, recap_cell(one.outcome), *_counts(one), one.master) for one in results)
    return Table(columns=columns, rows=rows, right=frozenset(columns[2:-1]))


def _counts(result: Synced) -> list[str]:
    """Return how many paths were added, changed and removed."""
    if result.error is not None:
        return [""] * len(_STYLES)
    actions = [effect.action.value for effect in result.effects]
    return [str(actions.count(action)) for action in _STYLES]


def sync_lines(result: Synced) -> list[Cell]:
    """Return a line for each path that changes."""
    return [
        Styled(f"  {effect.action:7}  {effect.path}{'' if effect.kind == 'file' else '/'}", _STYLES[effect.action])
        for effect in result.effects
    ]


def sync_unified(result: Synced) -> list[str]:
    """Return the lines that change in all files."""
    if result.unified is not None:
        return result.unified.split("\n")[:-1]
    return [line for change in result.contents for line in _lines(result, change)]


def _lines(result: Synced, change: ContentChange) -> list[str]:
    old_name, new_name = f"{result.slave}/{change.path}", f"{result.master}/{change.path}"
    if not change.is_shown:
        return [too_large(_name(old_name, change.before), _name(new_name, change.after))]
    return unified(change.old, change.new, old_name=old_name, new_name=new_name)


def _name(name: str, file: File | None) -> str:
    return "/dev/null" if file is None else side(name, file.size_bytes, file.md5)
