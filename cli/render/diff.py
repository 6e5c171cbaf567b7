"""``jsync diff``: words, table and document (``cli.md`` section 3)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from cli.documents import plain
from cli.render.recap import recap_cell
from cli.render.unified import side, too_large, unified
from cli.tables import Cell, Style, Styled, Table
from cli.times import rfc3339
from sync_core.model.file import File
from sync_core.model.folder import kind_of

if TYPE_CHECKING:
    from sync_core.fleet.content_pairs import ContentPair
    from sync_core.fleet.diff import DiffReport, SlaveDiff
    from sync_core.model.compare import Diff, DiffEntry
    from sync_core.model.folder import Entry

__all__ = ["diff_document", "diff_summary", "diff_table", "recap_table", "unified_lines"]

_STYLES = {"changed": Style.DOUBTFUL, "missing": Style.BAD, "extra": Style.FAINT}


def diff_document(report: DiffReport, *, with_contents: bool) -> dict[str, object]:
    """Return the document without ``schema``; ``with_contents`` adds ``unified`` to every entry."""
    slaves = [_slave(one, with_contents=with_contents) for one in report.slaves]
    return {"in_sync": report.in_sync, "slaves": slaves}


def _slave(one: SlaveDiff, *, with_contents: bool) -> dict[str, object]:
    texts = {pair.entry.path: "".join(f"{line}\n" for line in unified_lines(pair, one)) for pair in one.contents}
    entries = one.diff.entries if one.diff else ()
    return {
        "slave": one.slave,
        "master": one.master,
        "recap": one.outcome.value,
        "in_sync": one.in_sync,
        "master_source": one.master_source,
        "slave_source": one.slave_source,
        "counts": plain(one.diff.counts) if one.diff else None,
        "settling": one.diff.settling if one.diff else None,
        "entries": [_entry(entry) | ({"unified": texts.get(entry.path)} if with_contents else {}) for entry in entries],
        "error": plain(one.error),
    }


def _entry(entry: DiffEntry) -> dict[str, object]:
    return {
        "path": entry.path,
        "kind": entry.kind,
        "state": entry.state,
        "layer": entry.layer,
        "master": _side(entry.master),
        "slave": _side(entry.slave),
    }


def _side(entry: Entry | None) -> dict[str, object] | None:
    if entry is None:
        return None
    if not isinstance(entry, File):
        return {"md5": None, "last_write_time": None, "size": None}
    return {"md5": entry.md5, "last_write_time": rfc3339(entry.last_write_time), "size": entry.size_bytes}


def diff_summary(one: SlaveDiff, diff: Diff) -> str:
    """Return one line about one slave."""
    counts = diff.counts
    later = f", {diff.settling} still settling" if diff.settling else ""
    lists = f"lists: {one.master} by {one.master_source}, {one.slave} by {one.slave_source}"
    if diff.is_in_sync:
        return f"{one.slave}: in sync with {one.master}, {counts.same} files{later} ({lists})"
    differences = f"{counts.changed} changed, {counts.missing} missing, {counts.extra} extra, {counts.same} same"
    return f"{one.slave}: {differences}{later} ({lists})"


def diff_table(diff: Diff) -> Table:
    """Return a line for each path that differs; where there is little room, which side is newer instead of times."""
    columns = ("STATE", "PATH", "KIND", "LAYER", "MASTER", "SLAVE")
    narrow = ("STATE", "PATH", "LAYER", "MASTER", "SLAVE", "NEWER")
    return Table(
        columns=columns,
        rows=tuple(_row(entry) for entry in diff.entries),
        narrow=Table(columns=narrow, rows=tuple(_narrow_row(entry) for entry in diff.entries)),
    )


def recap_table(slaves: Iterable[SlaveDiff]) -> Table:
    """Return a line for each slave: what came of it, and how its two lists were read."""
    columns = ("SLAVE", "RECAP", "SAME", "CHANGED", "MISSING", "EXTRA", "MASTER", "LISTS")
    rows = tuple(_recap(one) for one in slaves)
    return Table(columns=columns, rows=rows, right=frozenset({"SAME", "CHANGED", "MISSING", "EXTRA"}))


def _recap(one: SlaveDiff) -> tuple[Cell, ...]:
    counts: tuple[str, ...] = ("", "", "", "")
    if one.diff is not None:
        found = one.diff.counts
        counts = (str(found.same), str(found.changed), str(found.missing), str(found.extra))
    lists = ", ".join(str(source or "-") for source in (one.master_source, one.slave_source))
    return (one.slave, recap_cell(one.outcome), *counts, one.master, lists)


def _row(entry: DiffEntry) -> tuple[Cell, ...]:
    state = Styled(entry.state, _STYLES[entry.state])
    return (state, entry.path, entry.kind, entry.layer or "", _short(entry.master), _short(entry.slave))


def _narrow_row(entry: DiffEntry) -> tuple[Cell, ...]:
    path = entry.path if entry.kind == "file" else f"{entry.path}/"
    return (
        Styled(entry.state, _STYLES[entry.state]),
        path,
        entry.layer or "",
        _md5(entry.master),
        _md5(entry.slave),
        _newer(entry.master, entry.slave),
    )


def _newer(master: Entry | None, slave: Entry | None) -> str:
    if not (isinstance(master, File) and isinstance(slave, File)):
        return ""
    if master.last_write_time is None or slave.last_write_time is None:
        return ""
    if master.last_write_time == slave.last_write_time:
        return "-"
    return "master" if master.last_write_time > slave.last_write_time else "slave"


def _md5(entry: Entry | None) -> str:
    if entry is None:
        return "-"
    return entry.md5[:8] if isinstance(entry, File) and entry.md5 else kind_of(entry)


def _short(entry: Entry | None) -> str:
    if entry is None:
        return "-"
    if not isinstance(entry, File):
        return kind_of(entry)
    words = (entry.md5 and entry.md5[:8], rfc3339(entry.last_write_time))
    return " ".join(word for word in words if word) or kind_of(entry)


def unified_lines(pair: ContentPair, one: SlaveDiff) -> list[str]:
    """Return what an update would change in one file, from the slave's content to the master's."""
    path = pair.entry.path
    if pair.trouble is not None:
        return [f"{path}: {pair.trouble}"]
    if pair.is_large:
        return [too_large(_name(one.slave, path, pair.entry.slave), _name(one.master, path, pair.entry.master))]
    return unified(pair.slave, pair.master, old_name=f"{one.slave}/{path}", new_name=f"{one.master}/{path}")


def _name(host: str, path: str, entry: Entry | None) -> str:
    if not isinstance(entry, File):
        return "/dev/null"
    return side(f"{host}/{path}", entry.size_bytes, entry.md5)
