"""``jsync init``: an example that works, to start from."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer

from cli.command import Call, Command
from cli.errors import ExitCode
from sync_core.model.errors import FileTroubleError, UsageError

__all__ = ["COMMAND"]


def _init(
    call: Call,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write; made if it is missing.")] = Path(),
    check: Annotated[bool, typer.Option("-C", "--check", help="Say what would be written; write nothing.")] = False,
) -> int:
    example = files("cli") / "example"
    for name in sorted(child.name for child in example.iterdir()):
        target = folder / name
        if target.exists() or target.is_symlink():
            raise UsageError(
                f"{target} exists, and init overwrites nothing", hint="name a new folder: `jsync init demo`"
            )
    written = [_copy(source, folder / path, check=check) for path, source in _walk(example, Path())]
    if call.settings.is_json:
        paths = [str(path) for path in written]
        call.sink.document("init", {"folder": str(folder), "is_check": check, "written": paths})
    elif not call.settings.is_quiet:
        verb = "would write" if check else "wrote"
        call.sink.lines(f"{verb} {path}" for path in written)
    if not check:
        call.sink.note(_next_steps(folder))
    return ExitCode.DONE


def _walk(folder: Traversable, path: Path) -> Iterator[tuple[Path, Traversable]]:
    for child in sorted(folder.iterdir(), key=lambda child: child.name):
        if child.is_dir():
            yield from _walk(child, path / child.name)
        else:
            yield path / child.name, child


def _copy(source: Traversable, target: Path, *, check: bool) -> Path:
    if check:
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            file.write(source.read_bytes())
    except OSError as error:
        raise FileTroubleError(f"{target} can't be written: {error.strerror}") from error
    return target


def _next_steps(folder: Path) -> str:
    enter = "" if folder == Path() else f"cd {folder} && "
    return f"Next: `{enter}jsync up`, then edit a file below {folder / 'remote' / '_all'} and watch it arrive."


COMMAND = Command(
    name="init",
    run=_init,
    help="""Write a working example to start from.

    An inventory and a filled remote folder: one master and two slaves on this machine, ready for `jsync up`.
    Nothing is overwritten.""",
    examples=(
        ("jsync init demo", "into the folder demo"),
        ("jsync init -C", "what would be written here"),
    ),
)
