from __future__ import annotations

import pytest

from sync_core.model.errors import RemoteProtocolError
from sync_core.protocol.schema import check_element, parse_boolean, parse_number, refusal, violation
from sync_core.protocol.xml import Element


def test_errors_carry_the_text_of_the_answer() -> None:
    assert str(violation("why")) == "LIBXML2-007  XML document does not conform to schema [why]"
    error = refusal("SCHEDULER-457", "10.0.0.7")
    assert str(error) == "SCHEDULER-457  Remote scheduler '10.0.0.7' has not been registered"
    assert error.answer_code == "SCHEDULER-457"


def test_what_is_listed_is_allowed() -> None:
    element = Element("e", {"x": "1"}, [Element("c")], " \n")
    check_element(element, attributes={"x", "y"}, children={"c"})


@pytest.mark.parametrize(
    ("element", "reason"),
    [
        (Element("e", {"x": "1"}), "Element 'e': the attribute 'x' is not allowed"),
        (Element("e", {}, [Element("c")]), "Element 'e': the element 'c' is not expected here"),
        (Element("e", text=" t "), "Element 'e': character data is not allowed"),
    ],
)
def test_what_is_not_listed_is_refused(element: Element, reason: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        check_element(element)
    assert reason in str(caught.value)


@pytest.mark.parametrize(("value", "number"), [("0", 0), (" 65535\n", 65535), ("007", 7)])
def test_numbers(value: str, number: int) -> None:
    assert parse_number(Element("e", {"n": value}), "n", at_most=65535) == number


@pytest.mark.parametrize("value", ["", "abc", "-1", "1.0", "65536", "1" * 5000, "٣", "0x1", "1 2"])
def test_other_numbers_are_refused(value: str) -> None:
    with pytest.raises(RemoteProtocolError, match=r"Element 'e', attribute 'n': the value '.*' is not valid"):
        parse_number(Element("e", {"n": value}), "n", at_most=65535)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [({}, False), ({"b": ""}, False), ({"b": "yes"}, True), ({"b": "0"}, False), ({"b": " true "}, True)],
)
def test_booleans(attributes: dict[str, str], expected: bool) -> None:
    assert parse_boolean(Element("e", attributes), "b") is expected


@pytest.mark.parametrize("value", ["maybe", "YES", "2"])
def test_other_booleans_are_refused(value: str) -> None:
    with pytest.raises(RemoteProtocolError, match="attribute 'b': the value"):
        parse_boolean(Element("e", {"b": value}), "b")
