"""The program that a check sends to a host: the modules of ``net.far_side`` in one piece."""

from __future__ import annotations

import json
import math
from functools import cache
from importlib import resources

__all__ = ["command", "program"]

_ROOM = "sync_core.net.far_side"
_MODULES = ("sockets", "routes", "secure", "probes", "listening", "counters", "firewalls", "serve")
"""Each after those that it imports."""

_START = """\
import json, sys, types
def start(room, modules, deadline_s):
    parts = room.split(".")
    for at in range(len(parts)):
        package = types.ModuleType(".".join(parts[: at + 1]))
        package.__path__ = []
        sys.modules[package.__name__] = package
    for name, source in modules:
        module = types.ModuleType(room + "." + name)
        sys.modules[module.__name__] = module
        setattr(package, name, module)
        exec(compile(source, module.__name__, "exec"), module.__dict__)
    module.main(deadline_s)
"""


@cache
def _sources() -> str:
    folder = resources.files(_ROOM)
    modules = [(name, folder.joinpath(f"{name}.py").read_text(encoding="utf-8")) for name in _MODULES]
    return json.dumps(modules, ensure_ascii=True)


def program(*, deadline_s: float) -> bytes:
    """Return the program's text, in ASCII.

    Args:
        deadline_s: it ends by itself after so many seconds, whatever becomes of the connection.
    """
    call = f"start({_ROOM!r}, json.loads({_sources()!r}), {math.ceil(deadline_s)})\n"
    return (_START + call).encode("ascii")


def command(python: str, text: bytes) -> tuple[str, ...]:
    """Return the command that takes ``text`` and then its requests on standard input; it leaves no file behind.

    Args:
        python: the interpreter on that host.
        text: what ``program`` returned.
    """
    first = f"import sys;exec(compile(sys.stdin.buffer.read({len(text)}),'jsync','exec'))"
    # -I: nothing of the folder or the user where it happens to start; -S: no site packages; -B: no compiled files
    return (python, "-I", "-S", "-B", "-c", first)
