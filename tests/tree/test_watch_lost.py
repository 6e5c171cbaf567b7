"""A watch that is lost is noticed, said, and made anew; with the real kernel where it can be made to fail."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sync_core.model.hints import Hint, HintKind
from sync_core.model.path import ROOT, RelPath
from sync_core.tree.watch import Watch
from tests.support.disk import a_link, write_tree
from tests.support.net import Lines, eventually, run
from tests.support.watches import MeanKernel, inotify_descriptors, watching

BEGUN, LOOK = HintKind.BEGUN, HintKind.LOOK

SOON_S = 0.02
"""For those cases that no event tells of."""


def a_site(tmp_path: Path) -> Path:
    write_tree(tmp_path, {"site/releases/1/d/a": b"1", "site/releases/2/d/a": b"2"})
    return tmp_path / "site"


def remove_and_copy_back(site: Path) -> None:
    shutil.copytree(site / "remote", site / "old")
    shutil.rmtree(site / "remote")
    shutil.copytree(site / "old", site / "remote")


def move_away_and_copy_back(site: Path) -> None:
    (site / "remote").rename(site / "old")
    shutil.copytree(site / "old", site / "remote")


def move_a_folder_above(site: Path) -> None:
    site.rename(site.parent / "old")
    shutil.copytree(site.parent / "old", site)


def put_another_in_place(site: Path) -> None:
    write_tree(site, {"new/d/a": b"2"})
    (site / "remote").rename(site / "old")
    (site / "new").rename(site / "remote")


@pytest.mark.parametrize(
    "replace", [remove_and_copy_back, move_away_and_copy_back, move_a_folder_above, put_another_in_place]
)
def test_a_root_that_was_replaced_is_watched_again(tmp_path: Path, replace: Callable[[Path], None]) -> None:
    site = a_site(tmp_path)
    shutil.copytree(site / "releases/1", site / "remote")

    async def go() -> None:
        async with watching(site / "remote") as it:
            replace(site)
            await it.is_made_anew()
            await it.hears_a_write("d/later")

    run(go())


def point_at_once(site: Path) -> None:
    a_link(site / ".link", "releases/2")
    (site / ".link").replace(site / "remote")


def point_in_two_steps(site: Path) -> None:
    (site / "remote").unlink()
    a_link(site / "remote", "releases/2")


def point_the_inner_link(site: Path) -> None:
    (site / "releases/current").unlink()
    a_link(site / "releases/current", str(site / "releases/2"))


@pytest.mark.parametrize(
    ("target", "point"),
    [
        ("releases/1", point_at_once),
        ("releases/1", point_in_two_steps),
        ("releases/../releases/current", point_the_inner_link),
    ],
)
def test_a_link_that_was_pointed_elsewhere_is_followed(
    tmp_path: Path, target: str, point: Callable[[Path], None]
) -> None:
    site = a_site(tmp_path)
    a_link(site / "releases/current", "1")
    root = a_link(site / "remote", target)

    async def go() -> None:
        async with watching(root) as it:
            point(site)
            await it.is_made_anew()
            await it.hears_a_write("d/later")
            assert (site / "releases/2/d/later").exists()
            it.hints.clear()
            (site / "releases/1/d/a").write_bytes(b"nobody's")
            assert await it.quiet() == []

    run(go())


def test_trust_in_the_old_tree_is_none_in_the_new_one(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    root = a_link(site / "remote", "releases/1")

    async def go() -> None:
        async with watching(root) as it:
            (root / "d/a").write_bytes(b"whole")
            await it.quiet()
            assert "d/a" in it.trusted
            point_at_once(site)
            await it.is_made_anew()
            assert it.trusted == set()

    run(go())


def test_a_root_that_is_not_there_yet_is_watched_as_soon_as_it_is(tmp_path: Path) -> None:
    root = tmp_path / "a/b/root"

    async def go() -> None:
        async with watching(root) as it:
            assert it.watch.status.reason == "there is no such folder"
            write_tree(root, {"d/a": b"1"})
            await it.lives()
            assert it.told[0] == ("", LOOK)
            await it.hears_a_write("d/later")

    with Lines.of("sync_core.tree.watch") as lines:
        run(go())
    assert len(lines.messages("WARNING")) == 1
    assert lines.messages("INFO") == [f"{root} is watched again"]


def test_a_file_or_a_circle_of_links_is_no_root(tmp_path: Path) -> None:
    write_tree(tmp_path, {"file": b"1"})
    a_link(tmp_path / "circle", "circle")

    async def go() -> None:
        for name in ("file", "circle"):
            async with watching(tmp_path / name) as it:
                assert not it.watch.status.is_live
                (tmp_path / name).unlink()
                (tmp_path / name).mkdir()
                await it.lives()

    run(go())


def test_a_root_that_vanishes_is_said_once(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "root", {"d/a": b"1"})

    async def go() -> None:
        async with watching(root, again_s=SOON_S) as it:
            shutil.rmtree(root)
            await it.hears("", BEGUN)
            await eventually(lambda: it.watch.status.reason == "there is no such folder")
            write_tree(root, {})
            await it.lives()

    with Lines.of("sync_core.tree.watch") as lines:
        run(go())
    assert (
        lines.messages("WARNING").count(
            f"no events from {root}: there is no such folder; changes are seen by the periodic scan"
        )
        == 1
    )


def test_an_instance_that_somebody_closed_is_noticed(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "root", {"d/a": b"1"})
    others = inotify_descriptors()

    async def go() -> None:
        for which in (min, max):
            async with watching(root, again_s=SOON_S) as it:
                os.close(which(inotify_descriptors() - others))
                await it.is_made_anew()
                await it.hears_a_write("d/later")

    with Lines.of("sync_core.tree.watch") as lines:
        run(go())
    assert "the inotify instance is dead" in "".join(lines.messages("WARNING"))


def test_an_instance_that_nobody_reads_is_noticed(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "root", {"d/a": b"1"})
    others = inotify_descriptors()

    async def go() -> None:
        async with watching(root, again_s=SOON_S) as it:
            asyncio.get_running_loop().remove_reader(max(inotify_descriptors() - others))
            await it.is_made_anew()
            await it.hears_a_write("d/later")

    run(go())


def test_events_that_were_lost_are_noticed(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "root", {"a": b"1", "b": b"1"})
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text("ascii"))
    if most > 100_000:
        pytest.skip("the kernel's queue is too long to be filled here")

    async def go() -> None:
        async with watching(root) as it:
            (root / "a").write_bytes(b"whole")
            for _ in range(most // 2 + 1):
                os.utime(root / "a")
                os.utime(root / "b")
            (root / "unseen/deep").mkdir(parents=True)
            await it.is_made_anew()
            assert "a" not in it.trusted
            await it.hears_a_write("unseen/deep/later")

    with Lines.of("sync_core.tree.watch") as lines:
        run(go())
    assert "max_queued_events" in "".join(lines.messages("WARNING"))


def test_where_watches_run_out_what_has_one_is_heard_and_the_rest_is_tried_again(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "root", {"d/a": b"1"})
    kernel = MeanKernel()

    async def go() -> None:
        async with watching(root, again_s=SOON_S, kernel=kernel) as it:
            kernel.most_watches = 0
            (root / "n/m").mkdir(parents=True)
            await eventually(lambda: not it.watch.status.is_live)
            await it.hears("", BEGUN)
            assert "max_user_watches" in str(it.watch.status.reason)
            await it.hears_a_write("d/still heard")
            seen = kernel.refusals
            await eventually(lambda: kernel.refusals > seen + 3)
            kernel.most_watches = 100
            await it.lives()
            await it.hears("", LOOK)
            await it.hears_a_write("n/m/later")

    with Lines.of("sync_core.tree.watch") as lines:
        run(go())
    assert len(lines.messages("WARNING")) == 1


def test_a_folder_that_was_moved_in_is_not_complete_where_it_can_not_be_watched(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "root", {})
    write_tree(tmp_path, {"folder/f/x": b"1"})
    kernel = MeanKernel()

    async def go() -> None:
        async with watching(root, kernel=kernel) as it:
            kernel.most_watches = 0
            (tmp_path / "folder").rename(root / "new")
            await it.hears("new", BEGUN)
            await it.hears("", BEGUN)
            assert it.trusted == set()

    run(go())


@pytest.mark.parametrize(
    ("error", "word"),
    [(errno.EMFILE, "max_user_instances"), (errno.ENOSYS, "no inotify"), (errno.ENOMEM, os.strerror(errno.ENOMEM))],
)
def test_where_the_system_refuses_the_start_says_why_and_it_is_tried_again(
    tmp_path: Path, error: int, word: str
) -> None:
    kernel = MeanKernel(most_instances=0, error=error)

    async def go() -> None:
        async with watching(tmp_path, again_s=SOON_S, kernel=kernel) as it:
            assert not it.watch.status.is_live
            assert word in str(it.watch.status.reason)
            kernel.most_instances = 100
            await it.lives()
            assert it.told[0] == ("", LOOK)
            await it.hears_a_write()

    before = inotify_descriptors()
    run(go())
    assert inotify_descriptors() == before


def test_a_second_instance_that_is_refused_leaves_no_first_one_open(tmp_path: Path) -> None:
    before = inotify_descriptors()

    async def go() -> None:
        async with watching(tmp_path, kernel=MeanKernel(most_instances=1, error=errno.EMFILE)) as it:
            assert not it.watch.status.is_live
            assert inotify_descriptors() == before

    run(go())


def test_an_error_in_the_one_who_is_told_does_not_pass_for_quiet(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "root", {"a": b"1"})
    told: list[Hint] = []

    def take(hint: Hint) -> None:
        told.append(hint)
        if hint.path == "bad":
            raise ValueError("cannot take that")

    async def go() -> None:
        watch = Watch(root, take, again_s=SOON_S)
        await watch.start()
        (root / "bad").write_bytes(b"1")
        await eventually(lambda: told[-1:] == [Hint(path=ROOT, kind=LOOK)])
        (root / "good").write_bytes(b"1")
        await eventually(lambda: told[-1] == Hint(path=RelPath("good"), kind=HintKind.COMPLETE))
        await watch.stop()

    with Lines.of("sync_core.tree") as lines:
        run(go())
    assert "events could not be taken" in lines.messages("ERROR")
