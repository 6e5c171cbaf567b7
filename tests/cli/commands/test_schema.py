from __future__ import annotations

from sync_core.inventory import schema
from tests.support.cli import run_cli


def test_prints_the_schema_for_editors() -> None:
    result = run_cli("schema")
    assert (result.exit_code, result.err) == (0, "")
    assert result.document == schema()
    assert "\n  " in result.out


def test_as_one_of_our_documents_it_is_still_a_schema() -> None:
    document = run_cli("schema", "-o", "json").document
    assert next(iter(document.items())) == ("schema", "jsync.schema/1")
    assert {key: value for key, value in document.items() if key != "schema"} == schema()
