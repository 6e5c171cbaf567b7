from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.inventory.paths import absolute, expand_path

FOLDER = Path("/etc/jsync")
ENVIRON = {"HOME": "/home/jobs", "ROOT": "/srv", "PART": "a/b", "HARM": "a\nb", "_x1": "y"}


def expanded(text: str) -> str:
    return str(expand_path(text, folder=FOLDER, environ=ENVIRON))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("caches/a", "/etc/jsync/caches/a"),
        ("/srv/a", "/srv/a"),
        (".", "/etc/jsync"),
        ("../x/./y//z/", "/etc/x/y/z"),
        ("../../../..", "/"),
        ("~", "/home/jobs"),
        ("~/x", "/home/jobs/x"),
        ("a/~", "/etc/jsync/a/~"),
        ("$ROOT/x", "/srv/x"),
        ("${ROOT}x", "/srvx"),
        ("x/$PART/$_x1-${PART}", "/etc/jsync/x/a/b/y-a/b"),
        ("cost$", "/etc/jsync/cost$"),
        ("$1/$-", "/etc/jsync/$1/$-"),
        ("ä", "/etc/jsync/ä"),
    ],
)
def test_paths_become_absolute(text: str, expected: str) -> None:
    assert expanded(text) == expected


def test_the_home_of_a_user_comes_from_the_system() -> None:
    user = pwd.getpwuid(os.getuid())
    assert expanded(f"~{user.pw_name}/x") == os.path.normpath(f"{user.pw_dir}/x")
    assert str(expand_path("~/x", folder=FOLDER, environ={})) == os.path.normpath(f"{user.pw_dir}/x")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("$NOPE/x", "the environment variable `NOPE` is not set"),
        ("x/${NO-PE}", "the environment variable `NO-PE` is not set"),
        ("${}", "the environment variable `` is not set"),
        ("~no-such-user/x", "there is no user `no-such-user`"),
        ("x/$HARM", "a variable in it brings a control character"),
    ],
)
def test_what_means_no_path_says_why(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        expanded(text)
    assert str(caught.value) == reason


@given(text=st.text(alphabet="ab./~$", min_size=1, max_size=20))
def test_results_are_absolute_and_normal(text: str) -> None:
    try:
        path = expand_path(text, folder=FOLDER, environ={**ENVIRON, "a": "1", "b": "2", "ab": "3"})
    except ValueError:
        return
    assert path.is_absolute()
    assert ".." not in path.parts


def test_a_relative_file_is_below_the_current_folder() -> None:
    assert absolute(Path("x/../jsync.yaml")) == Path.cwd() / "jsync.yaml"
    assert absolute(Path("/a/../b/jsync.yaml")) == Path("/b/jsync.yaml")
