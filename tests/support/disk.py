"""Trees on disk for tests: contents by path, written and read back, and a twin of a real configuration folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import strategies as st

from sync_core.model.path import RelPath, ancestors

__all__ = [
    "TIME",
    "Tree",
    "a_job_tree",
    "a_link",
    "live_folder",
    "public_folder",
    "read_tree",
    "some_names",
    "some_trees",
    "unprivileged",
    "write_tree",
]

Tree: TypeAlias = Mapping[str, bytes | None]
"""Contents by path; ``None`` is a folder. Folders that only show as part of a path may be left out."""

TIME = 1_350_000_000
"""The time of files that say nothing of it."""


def write_tree(root: Path, tree: Tree, *, time: int = TIME) -> Path:
    """Write a tree to disk, adding to what is there; return its root."""
    root.mkdir(parents=True, exist_ok=True)
    for path, content in tree.items():
        place = root / path
        if content is None:
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
            os.utime(place, (time, time))
    return root


def read_tree(root: Path) -> dict[str, bytes | None]:
    """Return everything below ``root``, dot names and empty folders too; links are shown by their targets' text."""
    found: dict[str, bytes | None] = {}
    for place in sorted(root.rglob("*")):
        name = str(place.relative_to(root))
        if place.is_symlink():
            found[name] = b"-> " + os.fsencode(place.readlink())
        else:
            found[name] = None if place.is_dir() else place.read_bytes()
    return found


def a_link(place: Path, target: str) -> Path:
    """Make a symbolic link with that very text; return its place."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)
    return place


@contextmanager
def public_folder() -> Iterator[Path]:
    """Give a folder that every user may enter and change, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


@contextmanager
def unprivileged() -> Iterator[None]:
    """Run without root's right to read and write everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def some_names() -> st.SearchStrategy[str]:
    """Few names, so that trees overlap; some sort differently as paths and as text."""
    return st.sampled_from(["a", "b", "a.b", "a b", "a-", "ä"])


@st.composite
def some_trees(draw: st.DrawFn, *, max_size: int = 12) -> dict[str, bytes | None]:
    """Trees without conflicts of kind, all folders spelt out."""
    paths = draw(st.lists(st.lists(some_names(), min_size=1, max_size=3), max_size=max_size))
    contents = st.none() | st.sampled_from([b"", b"1", b"22"])
    tree: dict[str, bytes | None] = {}
    for names in paths:
        path = RelPath("/".join(names))
        above = ancestors(path)
        if path in tree or any(tree.get(folder) is not None for folder in above):
            continue
        for folder in above:
            tree[folder] = None
        tree[path] = draw(contents)
    return tree


def live_folder() -> Path:
    """Return a folder with real configuration files; skips the test where there is none."""
    default = Path(__file__).parents[3] / "shared" / "data" / "live"
    folder = Path(os.environ.get("JSYNC_TEST_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no real configuration files at {folder} (set JSYNC_TEST_DATA)")
    return folder


def a_job_tree(*, jobs: int = 120) -> dict[str, bytes | None]:
    """Return the generated twin of a real configuration folder: nested, with empty folders and odd names."""
    tree: dict[str, bytes | None] = {"empty": None, "stresstest/deep/er": None, "zero.lock.xml": b""}
    for n in range(jobs):
        folder = ("", "stresstest/", "stresstest/deep/", "order/2012 Q4/")[n % 4]
        tree[f"{folder}job_{n:03}.job.xml"] = _job(n)
    tree["order/pipeline.job_chain.xml"] = b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<job_chain/>\n'
    tree["order/r\udce9sum\udce9.order.xml"] = "<order title='résumé'/>".encode("latin-1")
    tree["order/x.job.xml~"] = b"somebody's backup"
    return tree


def _job(n: int) -> bytes:
    title = f"Job number {n}, gr\xfc\xdfe"
    text = (
        f'<?xml version="1.0" encoding="ISO-8859-1"?>\n<job title="{title}" order="{"yes" if n % 3 else "no"}">\n'
        f'    <script language="shell"><![CDATA[\necho {n}\nsleep {n % 7}\n]]></script>\n    <run_time/>\n</job>\n'
    )
    return text.encode("latin-1") + b"<!-- padding -->\n" * (n % 50)
