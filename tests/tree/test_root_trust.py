from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_core.model.errors import RootUntrustedError
from sync_core.tree.root_trust import check_trust
from tests.support.disk import a_link, public_folder, unprivileged

OTHER = 12345
"""A user and group without a name, who is neither root nor we."""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="gives folders to others")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder of ours that everybody may enter, with a root and another release."""
    with public_folder() as folder:
        folder.chmod(0o755)
        for name in ("above/root", "releases/2"):
            (folder / name).mkdir(parents=True)
        yield folder


def refusal(root: Path) -> str:
    with pytest.raises(RootUntrustedError) as caught:
        check_trust(root)
    return str(caught.value)


def test_a_way_of_ours_is_trusted(place: Path) -> None:
    check_trust(place / "above/root")
    check_trust(place / "none/below")
    check_trust(Path("/"))


def test_who_owns_or_may_write_to_the_root_itself_does_not_matter(place: Path) -> None:
    (place / "above/root").chmod(0o777)
    os.chown(place / "above/root", OTHER, OTHER)
    check_trust(place / "above/root")


def test_the_group_of_its_owner_alone_is_nobody_else(place: Path) -> None:
    (place / "above").chmod(0o775)
    check_trust(place / "above/root")


def test_a_folder_of_another_user_is_named_with_the_ways_out(place: Path) -> None:
    os.chown(place / "above", OTHER, -1)
    said = refusal(place / "above/root")
    assert f"by {place}/above: it belongs to {OTHER}; chown root {place}/above, or run the agent as {OTHER}" in said
    assert "`trust_path: true`" in said
    os.chown(place / "above", 0, -1)
    os.chown(place, OTHER, -1)
    assert f"chown root {place}," in refusal(place / "above/root")


@pytest.mark.parametrize(
    ("mode", "who", "mends"), [(0o775, f"the group {OTHER}", "chmod g-w"), (0o777, "everybody", "chmod go-w")]
)
def test_a_folder_that_others_may_write_to_is_named_with_the_ways_out(
    place: Path, mode: int, who: str, mends: str
) -> None:
    (place / "above").chmod(mode)
    os.chown(place / "above", -1, OTHER)
    said = refusal(place / "above/root")
    assert f"{place}/above: {who} may write into it; {mends} {place}/above, or say" in said
    assert "above" in refusal(place / "above/none")


def test_what_is_ours_keeps_its_place_in_a_sticky_folder(place: Path) -> None:
    (place / "above").chmod(0o1777)
    check_trust(place / "above/root")
    os.chown(place / "above/root", OTHER, OTHER)
    assert f"by {place}/above/root: it belongs to {OTHER}" in refusal(place / "above/root")
    assert f"it is not there, and everybody may make it; mkdir {place}/above/none" in refusal(place / "above/none")
    a_link(place / "above/link", str(place / "releases/2"))
    assert "it is a link where everybody may put one" in refusal(place / "above/link")
    os.chown(place / "above", OTHER, -1)
    assert f"by {place}/above: it belongs to {OTHER}" in refusal(place / "above/root")


def test_a_link_of_ours_is_followed_and_one_of_another_is_not(place: Path) -> None:
    current = a_link(place / "current", "releases/2")
    check_trust(current)
    os.chown(current, OTHER, OTHER, follow_symlinks=False)
    assert f"chown -h root {current}" in refusal(current)


def test_the_folders_that_a_link_leads_through_count_too(place: Path) -> None:
    current = a_link(place / "current", "above/root/../../releases/2")
    os.chown(place / "releases", OTHER, OTHER)
    assert f"by {place}/releases: it belongs to" in refusal(current)
    os.chown(place / "releases", 0, 0)
    os.chown(place / "above", OTHER, OTHER)
    assert f"by {place}/above: it belongs to" in refusal(current)


def test_an_agent_without_privileges_trusts_root_and_itself(place: Path) -> None:
    os.chown(place / "above", 65534, 65534)
    with unprivileged():
        check_trust(place / "above/root")
        check_trust(place / "releases/2")
    os.chown(place / "above", OTHER, OTHER)
    with unprivileged():
        assert re.search(r"belongs to 12345; chown (nobody|65534) ", refusal(place / "above/root"))


def test_a_name_is_quoted_in_what_is_to_be_typed(place: Path) -> None:
    (place / "a b/root").mkdir(parents=True)
    (place / "a b").chmod(0o777)
    assert f"chmod go-w '{place}/a b'" in refusal(place / "a b/root")
