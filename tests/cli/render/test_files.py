from __future__ import annotations

from cli.layout import render
from cli.render.files import files_document, files_table, files_troubles
from sync_core.fleet.lists import FileList, Source
from sync_core.model.manifest import Entry, Kind, Layer, Manifest, md5_of
from sync_core.model.path import RelPath
from tests.support.golden import assert_golden
from tests.support.inventories import a_master, a_slave

_FOUND = FileList(
    host=a_master("scheduler-4440"),
    slave=a_slave("slave-5000"),
    source=Source.LOCAL,
    manifest=Manifest(
        [
            Entry(
                path=RelPath("reports/daily,z\udcfcrich.order.xml"),
                md5=md5_of(b"x"),
                last_write_time=1348231966,
                size_bytes=1,
                layer=Layer.ALL,
                is_settling=True,
            ),
            Entry(path=RelPath("secret.job.xml"), layer=Layer.OWN, is_unreadable=True),
            Entry(path=RelPath("empty"), kind=Kind.DIRECTORY, layer=Layer.OWN),
        ]
    ),
)


def test_table() -> None:
    assert_golden("files.txt", render(files_table(_FOUND), color=False))


def test_document() -> None:
    document = files_document(_FOUND)
    assert (document["host"], document["for"], document["source"]) == ("scheduler-4440", "slave-5000", "local")
    assert (document["tree_md5"], document["settling"]) == (_FOUND.manifest.tree_md5, 1)
    assert isinstance(document["files"], list)
    assert [entry["path"] for entry in document["files"]] == [entry.path for entry in _FOUND.manifest]


def test_what_cannot_be_read_is_trouble() -> None:
    [trouble] = files_troubles(_FOUND)
    assert (str(trouble), trouble.host) == ("secret.job.xml can't be read", "scheduler-4440")
