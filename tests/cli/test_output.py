from __future__ import annotations

import json
import os
import sys

import pytest

from cli.output import Sink, Streams, wants_color
from cli.settings import Color, Output, Settings
from cli.tables import Style, Styled, Table
from sync_core.model.errors import FileTroubleError
from tests.support.cli import Stream

_PLAIN = Settings()


def _sink(settings: Settings = _PLAIN, *, is_terminal: bool = False) -> tuple[Sink, Stream, Stream]:
    stdout, stderr = Stream(is_terminal=is_terminal), Stream()
    return Sink(Streams(stdout, stderr), settings, {}), stdout, stderr


@pytest.mark.parametrize(
    ("color", "environ", "is_terminal", "wanted"),
    [
        (Color.AUTO, {}, True, True),
        (Color.AUTO, {}, False, False),
        (Color.AUTO, {"NO_COLOR": "1"}, True, False),
        (Color.AUTO, {"NO_COLOR": ""}, True, True),
        (Color.AUTO, {"TERM": "dumb"}, True, False),
        (Color.ALWAYS, {"NO_COLOR": "1"}, False, True),
        (Color.NEVER, {}, True, False),
    ],
)
def test_colour(color: Color, environ: dict[str, str], is_terminal: bool, wanted: bool) -> None:
    assert wants_color(color, environ, is_terminal=is_terminal) is wanted


def test_a_document_begins_with_its_schema_and_is_ascii() -> None:
    sink, stdout, _ = _sink(Settings(output=Output.JSON))
    sink.document("files", {"path": "z\udcfcrich/zürich\x1b"})
    assert stdout.written() == b'{"schema": "jsync.files/2", "path": "z\\udcfcrich/z\\u00fcrich\\u001b"}\n'
    assert json.loads(stdout.written())["path"] == "z\udcfcrich/zürich\x1b"


def test_data_goes_to_stdout_and_words_to_stderr() -> None:
    sink, stdout, stderr = _sink()
    sink.lines(["a\x1bb", "two\nlines"])
    sink.note("by the\nway")
    sink.warn("look\x07")
    assert stdout.written() == b"a\\x1bb\ntwo\\nlines\n"
    assert stderr.written() == b"by the\nway\nlook\\x07\n"


def test_quiet_leaves_only_what_needs_attention() -> None:
    sink, _, stderr = _sink(Settings(is_quiet=True))
    sink.note("by the way")
    sink.warn("look")
    assert stderr.written() == b"look\n"


@pytest.mark.parametrize(("is_terminal", "coloured"), [(True, True), (False, False)])
def test_tables_are_coloured_on_terminals(is_terminal: bool, coloured: bool) -> None:
    sink, stdout, _ = _sink(is_terminal=is_terminal)
    sink.table(Table(columns=("A",), rows=((Styled("x", Style.BAD),),)))
    assert (b"\x1b[" in stdout.written()) is coloured


def test_bytes_follow_text_in_order() -> None:
    sink, stdout, _ = _sink()
    sink.lines(["first"])
    sink.streams.write_bytes(b"\xff\n")
    assert stdout.written() == b"first\n\xff\n"


def test_nan_is_no_json() -> None:
    sink, _, _ = _sink(Settings(output=Output.JSON))
    with pytest.raises(ValueError, match="JSON"):
        sink.document("x", {"n": float("nan")})


_INFO = "2026-11-24 07:21:52.367 [info]   SCHEDULER-955  UDP\x1b message"
_WARN = "2026-11-24 07:21:52.367 [WARN]   ERRNO-111"


@pytest.mark.parametrize(
    ("settings", "out", "err"),
    [
        (Settings(), f"m | {_INFO}\nm | {_WARN}\n", ""),
        (Settings(is_quiet=True), f"m | {_WARN}\n", ""),
        (Settings(output=Output.JSON), "", f"m | {_INFO}\nm | {_WARN}\n"),
    ],
)
def test_log_lines(settings: Settings, out: str, err: str) -> None:
    sink, stdout, stderr = _sink(settings)
    for line in (_INFO, _WARN):
        sink.log_line("m | ", line)
    assert stdout.written().decode() == out.replace("\x1b", "\\x1b")
    assert stderr.written().decode() == err.replace("\x1b", "\\x1b")


def test_content_keeps_tabs_and_colours() -> None:
    sink, stdout, _ = _sink(Settings(color=Color.ALWAYS))
    sink.content(["\ta\x1bb\r", Styled("+\tx", Style.GOOD)])
    assert stdout.written() == b"\ta\\x1bb\\r\n\x1b[32m+\tx\x1b[0m\n"


class _Full(Stream):
    is_full = True

    def flush(self) -> None:
        if self.is_full:
            raise OSError(28, "No space left on device")


def test_a_full_disk_is_an_error_of_the_file_tree() -> None:
    stdout = _Full()
    with pytest.raises(FileTroubleError, match="stdout can't be written: No space left on device"):
        Streams(stdout, Stream()).flush()
    stdout.is_full = False


def test_whether_anybody_still_reads() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stdout:
        streams = Streams(stdout, sys.stderr)
        assert streams.is_read()
        os.close(reading)
        assert not streams.is_read()
    assert Streams(Stream(), sys.stderr).is_read()
