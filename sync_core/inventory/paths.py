"""Paths of an inventory: ``~`` and variables expanded, relative to the file, normalised without asking the disk."""

from __future__ import annotations

import os.path
import pwd
import re
from collections.abc import Mapping
from pathlib import Path

__all__ = ["absolute", "expand_path"]

_VARIABLE = re.compile(r"\$(?:(?P<plain>[A-Za-z_][A-Za-z0-9_]*)|\{(?P<braced>[^{}]*)\})")


def absolute(path: Path) -> Path:
    """Return ``path`` from the root, without ``.`` and ``..``; links are not looked at."""
    return Path(os.path.normpath(path.absolute()))


def expand_path(text: str, *, folder: Path, environ: Mapping[str, str]) -> Path:
    """Return the path that ``text`` means.

    Args:
        text: as the inventory has it, placeholders filled in.
        folder: what a relative path is relative to, absolute: the folder of the inventory file.
        environ: the environment, for ``$VAR``, ``${VAR}`` and ``~``.

    Raises:
        ValueError: a variable is not set, a user is unknown, or the result is no path; the text says which.
    """
    home, rest = _home(text, environ)
    path = os.path.normpath(folder / (home + _VARIABLE.sub(lambda match: _value(match, environ), rest)))
    if any(character < " " or "\x7f" <= character <= "\x9f" for character in path):
        raise ValueError("a variable in it brings a control character")
    return Path(path)


def _home(text: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Split ``~/x`` and ``~user/x`` into the home folder and the rest."""
    if not text.startswith("~"):
        return "", text
    user, slash, rest = text[1:].partition("/")
    try:
        home = pwd.getpwnam(user).pw_dir if user else environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        raise ValueError(f"there is no user `{user}`" if user else "`~` means nothing: HOME is not set") from None
    return home, slash + rest


def _value(match: re.Match[str], environ: Mapping[str, str]) -> str:
    name = match["plain"] or match["braced"]
    if not name or name not in environ:
        raise ValueError(f"the environment variable `{name}` is not set")
    return environ[name]
