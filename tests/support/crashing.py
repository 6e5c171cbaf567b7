"""Updates that are killed, in a process of their own: ``python -m tests.support.crashing FOLDER steps|moments``.

``steps`` kills an update before every single thing it does to the file system, one after the other; ``moments`` kills
a bigger one at random moments. After each death the tree must hold only old and new files, and the next update must
finish the work. Prints how many updates died.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

from sync_core.tree.apply import Update
from sync_core.tree.temporaries import clean_temporaries
from tests.support.disk import TIME, Tree, read_tree, write_tree
from tests.support.updates import ANY, content_tree, give, listed, steps_between

_TOUCHES = ("open", "os.", "shutil.")
"""Audit events that announce something done to the file system."""

OLD: Tree = {
    "same": b"1",
    "changed": b"old" * 1000,
    "gone": b"1",
    "d/changed": b"old",
    "d/gone": b"1",
    "becomes a file/x/y": b"1",
    "becomes a folder": b"1",
    "f/g/all gone": b"1",
}
NEW: Tree = {
    "same": b"1",
    "changed": b"new" * 1000,
    "new": b"2",
    "d": None,
    "d/changed": b"new",
    "becomes a file": b"2",
    "becomes a folder": None,
    "becomes a folder/z": None,
    "becomes a folder/z/w": b"2",
    "n": None,
    "n/m": None,
    "n/m/new": b"2",
}


def update(root: Path, new: Tree) -> None:
    before = listed(root)
    steps = tuple(steps_between(before, content_tree(new, time=TIME + 1)))
    with Update(root, steps, before=before, max_delete=ANY) as running:
        give(running, steps, new, piece_bytes=1000)
        running.show()


def die_at_step(step: int) -> None:
    """Arrange for this process's death right before its ``step``-th touch of the file system."""
    left = step

    def hook(event: str, _: object) -> None:
        nonlocal left
        if event.startswith(_TOUCHES):
            left -= 1
            if left == -1:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def run_child(root: Path, new: Tree, *, step: int | None = None, after_s: float | None = None) -> bool:
    """Update in a child that dies at a step or after a time; return whether it died."""
    pid = os.fork()
    if pid == 0:
        try:
            if step is not None:
                die_at_step(step)
            update(root, new)
            os._exit(0)
        except BaseException as error:  # a child must not run on into its parent's code
            os.write(2, repr(error).encode())
            os._exit(1)
    if after_s is not None:
        time.sleep(after_s)
        os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    assert status == 0 or os.WIFSIGNALED(status), "the update failed instead of dying"
    return status != 0


def check_untorn(root: Path, old: Tree, new: Tree) -> None:
    for path, content in read_tree(root).items():
        if "/.jsync-" in f"/{path}":
            continue
        assert path in old or path in new, f"{path!r} is neither old nor new"
        assert content is None or content in {old.get(path), new.get(path)}, f"{path!r} is torn"
    for path, content in old.items():
        if path in new and new[path] == content:
            found = read_tree(root).get(path, b"nothing")
            assert found == content, f"{path!r} is the same in both, and not here: {found!r}"
        elif content is not None and new.get(path) is not None:
            assert (root / path).exists(), f"{path!r} has vanished"


def check_finishes(root: Path, new: Tree) -> None:
    clean_temporaries(root)
    update(root, new)
    assert read_tree(root) == dict(new), "the next update did not finish the work"


def die_at_every_step(folder: Path) -> int:
    step = 0
    root = folder / "root"
    full_old = read_tree(write_tree(folder / "model", OLD))
    while True:
        shutil.rmtree(root, ignore_errors=True)
        write_tree(root, OLD)
        has_died = run_child(root, NEW, step=step)
        check_untorn(root, full_old, NEW)
        check_finishes(root, NEW)
        if not has_died:
            return step
        step += 1


def die_at_moments(folder: Path, *, wanted: int = 15, rounds: int = 200) -> int:
    old: Tree = {f"{n % 7}/{n}": b"old %d " % n * 400 for n in range(150)}
    new: Tree = {f"{n % 7}/{n}": b"new %d " % n * 400 for n in range(20, 170)} | {str(n): None for n in range(7)}
    root = folder / "root"
    full_old = read_tree(write_tree(folder / "model", old))
    write_tree(root, old)
    started = time.monotonic()
    update(root, new)
    whole_s = time.monotonic() - started
    deaths = 0
    for _ in range(rounds):
        if deaths == wanted:
            break
        shutil.rmtree(root)
        write_tree(root, old)
        deaths += run_child(root, new, after_s=random.uniform(0, whole_s * 1.2))
        check_untorn(root, full_old, new)
        check_finishes(root, new)
    return deaths


if __name__ == "__main__":
    place, how = Path(sys.argv[1]), sys.argv[2]
    print(die_at_every_step(place) if how == "steps" else die_at_moments(place))
