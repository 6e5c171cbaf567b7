from __future__ import annotations

from typing import Any

from cli.layout import render
from cli.render.diff import diff_document, diff_summary, diff_table, recap_table, unified_lines
from sync_core.fleet.content_pairs import ContentPair
from sync_core.fleet.diff import DiffReport, SlaveDiff
from sync_core.fleet.file_list import Source
from sync_core.model.compare import Diff, compare
from sync_core.model.errors import PeerError, UnreachableError
from sync_core.model.file import File, md5_of
from sync_core.model.folder import EMPTY_FOLDER
from tests.support.folders import a_tree
from tests.support.golden import assert_golden

_T = 1348231966


def _file(content: bytes, *, time: int = _T, settling: bool = False) -> File:
    return File(md5=md5_of(content), last_write_time=time, size_bytes=len(content), is_settling=settling)


_OWN = a_tree({"stresstest/order_creator.job.xml": _file(b"new")})
_MASTER = a_tree(
    {
        "same.job.xml": _file(b"same", settling=True),
        "stresstest/order_creator.job.xml": _file(b"new"),
        "empty": None,
    }
)
_SLAVE = a_tree(
    {
        "same.job.xml": _file(b"same", time=_T - 5),
        "stresstest/order_creator.job.xml": _file(b"old!", time=_T - 165),
        "gone\n.xml": _file(b"x"),
    }
)
_DIFF = compare(_MASTER, _SLAVE, own=_OWN)
_IN_SYNC = compare(_SLAVE, _SLAVE)


def _one(diff: Diff | None, **more: object) -> SlaveDiff:
    values = {"slave": "slave-5000", "master": "scheduler-4440", "diff": diff, **more}
    return SlaveDiff(master_source=Source.AGENT, slave_source=Source.LOCAL, **values)  # type: ignore[arg-type]


def _slaves(document: dict[str, object]) -> list[dict[str, Any]]:
    slaves = document["slaves"]
    assert isinstance(slaves, list)
    return slaves


def test_screen() -> None:
    screen = f"{diff_summary(_one(_DIFF), _DIFF)}\n{render(diff_table(_DIFF), color=False)}"
    assert_golden("diff.txt", screen)


def test_screen_of_a_narrow_terminal() -> None:
    screen = render(diff_table(_DIFF), color=False, width=80)
    assert screen.splitlines() == [
        "STATE    PATH                              LAYER  MASTER     SLAVE     NEWER",
        "missing  empty/                            _all   directory  -",
        "extra    gone\\n.xml                               -          9dd4e461",
        "changed  stresstest/order_creator.job.xml  own    22af645d   0a5c7b01  master",
    ]


def test_summary_of_what_is_in_sync() -> None:
    expected = "slave-5000: in sync with scheduler-4440, 3 files (lists: scheduler-4440 by agent, slave-5000 by local)"
    assert diff_summary(_one(_IN_SYNC), _IN_SYNC) == expected


def test_recap() -> None:
    slaves = (
        _one(_IN_SYNC, slave="slave-1"),
        _one(_DIFF, slave="slave-2"),
        SlaveDiff(slave="slave-3", master="scheduler-4440", error=UnreachableError("Connection refused")),
        SlaveDiff(slave="slave-4", master="scheduler-4440", master_source=Source.SSH, error=PeerError("no list")),
    )
    assert_golden("diff-recap.txt", render(recap_table(slaves), color=False))


def test_document_has_the_keys_of_the_contract() -> None:
    document = diff_document(DiffReport(slaves=(_one(_DIFF),)), with_contents=False)
    assert document == {
        "in_sync": False,
        "slaves": [
            {
                "slave": "slave-5000",
                "master": "scheduler-4440",
                "recap": "changed",
                "in_sync": False,
                "master_source": "agent",
                "slave_source": "local",
                "counts": {"same": 1, "changed": 1, "missing": 1, "extra": 1},
                "settling": 1,
                "entries": [
                    {
                        "path": "empty",
                        "kind": "directory",
                        "state": "missing",
                        "layer": "_all",
                        "master": {"md5": None, "last_write_time": None, "size": None},
                        "slave": None,
                    },
                    {
                        "path": "gone\n.xml",
                        "kind": "file",
                        "state": "extra",
                        "layer": None,
                        "master": None,
                        "slave": {"md5": md5_of(b"x"), "last_write_time": "2012-09-21T12:52:46Z", "size": 1},
                    },
                    {
                        "path": "stresstest/order_creator.job.xml",
                        "kind": "file",
                        "state": "changed",
                        "layer": "own",
                        "master": {"md5": md5_of(b"new"), "last_write_time": "2012-09-21T12:52:46Z", "size": 3},
                        "slave": {"md5": md5_of(b"old!"), "last_write_time": "2012-09-21T12:50:01Z", "size": 4},
                    },
                ],
                "error": None,
            }
        ],
    }


def test_a_slave_without_a_list_keeps_its_entry() -> None:
    error = UnreachableError("Connection refused", host="slave-5000")
    document = diff_document(DiffReport(slaves=(_one(None, error=error),)), with_contents=False)
    assert document["in_sync"] is None
    [slave] = _slaves(document)
    assert slave["in_sync"] is None
    assert (slave["counts"], slave["settling"], slave["entries"]) == (None, None, [])
    assert slave["error"] == {
        "code": "unreachable",
        "message": "Connection refused",
        "hint": None,
        "host": "slave-5000",
    }


def test_contents() -> None:
    changed = _DIFF.entries[2]
    pairs = (
        ContentPair(entry=changed, master=b"new\n", slave=b"old\n"),
        ContentPair(entry=_DIFF.entries[1], trouble="it is elsewhere"),
    )
    one = _one(_DIFF, contents=pairs)
    assert unified_lines(pairs[0], one)[:2] == [
        "--- slave-5000/stresstest/order_creator.job.xml",
        "+++ scheduler-4440/stresstest/order_creator.job.xml",
    ]
    assert unified_lines(pairs[1], one) == ["gone\n.xml: it is elsewhere"]
    [slave] = _slaves(diff_document(DiffReport(slaves=(one,)), with_contents=True))
    assert [entry["unified"] is None for entry in slave["entries"]] == [True, False, False]
    assert slave["entries"][2]["unified"].endswith("@@ -1 +1 @@\n-old\n+new\n")


def test_contents_that_are_too_large_are_told_by_size_and_md5() -> None:
    big = a_tree({"big": File(md5="0" * 32, last_write_time=_T, size_bytes=2_000_000)})
    diff = compare(big, a_tree({"big": _file(b"x")}))
    assert unified_lines(ContentPair(entry=diff.entries[0]), _one(diff)) == [
        f"Files slave-5000/big (1 bytes, md5 {md5_of(b'x')}) and "
        f"scheduler-4440/big (2000000 bytes, md5 {'0' * 32}) differ, and are too large to be compared line by line"
    ]
    [missing] = compare(big, EMPTY_FOLDER).entries
    assert unified_lines(ContentPair(entry=missing), _one(diff))[0].startswith("Files /dev/null and scheduler-4440/big")
