from __future__ import annotations

from cli.layout import render
from cli.render.sync import sync_document, sync_lines, sync_recap, sync_summary, sync_unified
from cli.tables import Style, Styled
from sync_core.fleet.effects import effects_of, tree_after
from sync_core.fleet.shown_cache import ContentChange
from sync_core.fleet.sync import Synced
from sync_core.model.change import MakeDirectory, Remove, WriteFile
from sync_core.model.errors import UnreachableError
from sync_core.model.file import File, Kind
from sync_core.model.path import RelPath
from tests.support.folders import a_file, a_tree

_OLD, _NEW = a_file(b"old\n"), a_file(b"new\n")
_BEFORE = a_tree(dict.fromkeys(("dir/changed.xml", "dir/gone.xml", "was-a-file"), _OLD))
_AFTER = tree_after(
    _BEFORE,
    (
        MakeDirectory(path=RelPath("dir")),
        WriteFile(path=RelPath("dir/changed.xml"), last_write_time=2, content=b"new\n"),
        Remove(path=RelPath("dir/gone.xml"), kind=Kind.FILE),
        Remove(path=RelPath("never-there.xml"), kind=Kind.FILE),
        WriteFile(path=RelPath("new.xml"), last_write_time=2, content=b"x\n"),
        Remove(path=RelPath("was-a-file"), kind=Kind.FILE),
        MakeDirectory(path=RelPath("was-a-file")),
    ),
)
_EFFECTS = effects_of(_BEFORE, _AFTER)
_RESULT = Synced(
    slave="slave-5000",
    master="scheduler-4440",
    effects=_EFFECTS,
    contents=(
        ContentChange(path=RelPath("dir/changed.xml"), before=_OLD, after=_NEW, old=b"old\n", new=b"new\n"),
        ContentChange(path=RelPath("dir/gone.xml"), before=_OLD, after=None, old=b"old\n"),
        ContentChange(path=RelPath("new.xml"), before=None, after=a_file(b"x\n"), new=b"x\n"),
    ),
)


def test_only_what_changes_is_shown() -> None:
    assert sync_lines(_RESULT) == [
        Styled("  changed  dir/changed.xml", Style.DOUBTFUL),
        Styled("  removed  dir/gone.xml", Style.BAD),
        Styled("  added    new.xml", Style.GOOD),
        Styled("  removed  was-a-file", Style.BAD),
        Styled("  added    was-a-file/", Style.GOOD),
    ]


def test_summary() -> None:
    counts = "2 added, 1 changed, 2 removed"
    assert sync_summary(_RESULT, check=False) == f"slave-5000: fetched from scheduler-4440: {counts}"
    assert sync_summary(_RESULT, check=True) == f"slave-5000: would fetch from scheduler-4440: {counts}"
    nothing = Synced(
        slave="s", master="m", effects=effects_of(_BEFORE, tree_after(_BEFORE, (MakeDirectory(path=RelPath("dir")),)))
    )
    assert sync_summary(nothing, check=False) == "s: in sync with m"


def test_recap() -> None:
    nothing = Synced(slave="slave-1", master="m")
    away = Synced(slave="slave-2", master="m", error=UnreachableError("not in time"))
    assert render(sync_recap((_RESULT, nothing, away)), color=False).splitlines() == [
        "SLAVE       RECAP        ADDED  CHANGED  REMOVED  MASTER",
        "slave-5000  changed          2        1        2  scheduler-4440",
        "slave-1     ok               0        0        0  m",
        "slave-2     unreachable                           m",
    ]


def test_document() -> None:
    document = sync_document(_RESULT, with_contents=False)
    assert list(document) == ["slave", "master", "recap", "changes", "error"]
    assert isinstance(document["changes"], list)
    assert document["changes"][0] == {"path": "dir/changed.xml", "kind": "file", "action": "changed"}
    assert document["changes"][4] == {"path": "was-a-file", "kind": "directory", "action": "added"}


def test_lines_that_change() -> None:
    text = "".join(f"{line}\n" for line in sync_unified(_RESULT))
    assert sync_document(_RESULT, with_contents=True)["unified"] == text
    assert text == (
        "--- slave-5000/dir/changed.xml\n+++ scheduler-4440/dir/changed.xml\n@@ -1 +1 @@\n-old\n+new\n"
        "--- slave-5000/dir/gone.xml\n+++ /dev/null\n@@ -1 +0,0 @@\n-old\n"
        "--- /dev/null\n+++ scheduler-4440/new.xml\n@@ -0,0 +1 @@\n+x\n"
    )


def test_lines_that_another_machine_made() -> None:
    result = Synced(slave="s", master="m", unified="--- s/a\n+++ m/a\n-\n")
    assert sync_unified(result) == ["--- s/a", "+++ m/a", "-"]
    assert sync_document(result, with_contents=True)["unified"] == "--- s/a\n+++ m/a\n-\n"


def test_files_that_are_too_large_to_be_shown() -> None:
    big = File(md5="0" * 32, size_bytes=2_000_000)
    change = ContentChange(path=RelPath("big"), before=None, after=big)
    [line] = sync_unified(Synced(slave="s", master="m", contents=(change,)))
    assert line.startswith("Files /dev/null and m/big (2000000 bytes, md5 000")
    assert line.endswith("too large to be compared line by line")
