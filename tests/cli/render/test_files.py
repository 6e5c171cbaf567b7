from __future__ import annotations

from cli.layout import render
from cli.render.files import files_document, files_table, files_troubles
from sync_core.fleet.file_list import FileList, Source
from sync_core.model.file import File, md5_of
from sync_core.model.folder import walk
from tests.support.folders import a_tree
from tests.support.golden import assert_golden
from tests.support.inventories import a_master, a_slave

_SECRET = File(is_unreadable=True)
_FOUND = FileList(
    host=a_master("scheduler-4440"),
    slave=a_slave("slave-5000"),
    source=Source.LOCAL,
    tree=a_tree(
        {
            "reports/daily,z\udcfcrich.order.xml": File(
                md5=md5_of(b"x"), last_write_time=1348231966, size_bytes=1, is_settling=True
            ),
            "secret.job.xml": _SECRET,
            "empty": None,
        }
    ),
    own=a_tree({"secret.job.xml": _SECRET, "empty": None}),
)


def test_table() -> None:
    assert_golden("files.txt", render(files_table(_FOUND), color=False))


def test_document() -> None:
    document = files_document(_FOUND)
    assert (document["host"], document["for"], document["source"]) == ("scheduler-4440", "slave-5000", "local")
    assert (document["tree_digest"], document["settling"]) == (_FOUND.tree.digest.hex(), 1)
    assert isinstance(document["files"], list)
    assert [entry["path"] for entry in document["files"]] == [path for path, _ in walk(_FOUND.tree)]


def test_what_cannot_be_read_is_trouble() -> None:
    [trouble] = files_troubles(_FOUND)
    assert (str(trouble), trouble.host) == ("secret.job.xml can't be read", "scheduler-4440")


def test_a_slave_s_own_list_has_no_layers() -> None:
    found = FileList(host=a_slave("slave-5000"), slave=None, source=Source.AGENT, tree=_FOUND.tree)
    files = files_document(found)["files"]
    assert isinstance(files, list)
    assert {entry["layer"] for entry in files} == {None}
