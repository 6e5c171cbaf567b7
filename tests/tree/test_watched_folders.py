from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.path import RelPath
from sync_core.tree.watched_folders import WatchedFolders

PATHS = ["", "a", "a/b", "a/b/c", "a/d", "e", "e/b"]

steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 6), st.sampled_from(PATHS)),
        st.tuples(st.just("forget"), st.integers(1, 6), st.just("")),
        st.tuples(st.just("take_below"), st.just(0), st.sampled_from(PATHS[1:])),
    ),
    max_size=20,
)


@given(steps)
def test_it_is_a_list_of_pairs_each_side_once(steps: list[tuple[str, int, str]]) -> None:
    folders = WatchedFolders()
    plain: dict[int, str] = {}
    for step, watch, path in steps:
        if step == "put":
            there = [number for number, where in plain.items() if where == path and number != watch]
            assert folders.put(watch, RelPath(path)) == (there[0] if there else None)
            plain = {number: where for number, where in plain.items() if where != path} | {watch: path}
        elif step == "forget":
            folders.forget(watch)
            plain.pop(watch, None)
        else:
            below = {number for number, where in plain.items() if path == where or where.startswith(f"{path}/")}
            assert set(folders.take_below(RelPath(path))) == below
            plain = {number: where for number, where in plain.items() if number not in below}
        assert {number: folders.path_of(number) for number in range(1, 7)} == {n: plain.get(n) for n in range(1, 7)}
        assert [path for path in PATHS if RelPath(path) in folders] == [
            path for path in PATHS if path in plain.values()
        ]
        assert len(folders) == len(plain)
