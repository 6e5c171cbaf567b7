"""A folder on a host as its shell sees it, with ``find`` and ``md5sum``, GNU's or busybox's.

Data goes there as arguments of scripts that never change. With GNU's tools two runs of ``find`` and one ``md5sum``
do; elsewhere each file costs two small processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sync_core.model.path import RelPath
from sync_core.model.scan import Scan
from sync_core.net.far_stream import (
    Contents,
    Fields,
    conversation,
    md5_field,
    mtime_ns_of,
    name_of_bytes,
    number_field,
    read_files,
    root_of,
    whole,
)
from sync_core.net.runner import Runner
from sync_core.tree.sightings import Sighting, What, put_together

__all__ = ["ShellWay"]

_HEAD = r"""
LC_ALL=C; export LC_ALL
if [ ! -d "$1" ]; then
  if [ -e "$1" ]; then printf 'bad\0it is not a folder\0'; else printf 'gone\0\0'; fi
  exit 0
fi
cd "$1" 2>/dev/null && [ -r . ] || { printf 'bad\0Permission denied\0'; exit 0; }
root=$(pwd -P)
"""

_LIST = (
    _HEAD
    + r"""
if find . -maxdepth 0 -printf '' >/dev/null 2>&1 && md5sum -z /dev/null >/dev/null 2>&1 \
   && xargs -0 -r true </dev/null >/dev/null 2>&1; then
  printf 'tree\0%s\0' "$root"
  find . -mindepth 1 -name '.*' -prune \
    -o -type d '(' ! -readable -o ! -executable ')' -prune -printf 'x\0%T@\0%s\0%p\0' \
    -o -printf '%y\0%T@\0%s\0%p\0' 2>/dev/null
  printf 'md5\0'
  find . -mindepth 1 -name '.*' -prune -o -type f -print0 2>/dev/null | xargs -0 -r md5sum -z -- 2>/dev/null
elif stat -c %Y . >/dev/null 2>&1 && md5sum </dev/null >/dev/null 2>&1 \
   && find . -prune -exec true {} + >/dev/null 2>&1; then
  printf 'tree\0%s\0' "$root"
  find . ! -name . -name '.*' -prune -o ! -name . -exec sh -c '
    for f do
      if [ -h "$f" ]; then k=l
      elif [ -d "$f" ]; then k=x; [ -r "$f" ] && [ -x "$f" ] && k=d
      elif [ -f "$f" ]; then k=f
      else k=o; fi
      s=$(stat -c "%Y %s" "$f" 2>/dev/null) && printf "%s\0%s\0%s\0%s\0" $k $s "$f"
    done' sh {} + 2>/dev/null
  printf 'md5\0'
  find . ! -name . -name '.*' -prune -o -type f -exec sh -c '
    for f do
      h=$(md5sum <"$f" 2>/dev/null) && printf "%s  %s\0" "${h%% *}" "$f"
    done' sh {} + 2>/dev/null
else
  printf 'nothing\0'
  exit 0
fi
printf 'links\0'
find . ! -name . -name '.*' -prune -o -type l -exec sh -c '
  for f do
    k=l; [ -d "$f" ] && k=L
    printf "%s\0%s\0%s\0" $k "$f" "$(readlink -f "$f" 2>/dev/null)"
  done' sh {} + 2>/dev/null
[ "$(cd "$1" 2>/dev/null && pwd -P)" = "$root" ] && printf 'end\0' || printf 'moved\0'
"""
)

_READ = (
    _HEAD
    + r"""
most=$2; shift 2
printf 'tree\0%s\0' "$root"
for f do
  t=$(readlink -f "./$f" 2>/dev/null)
  case $t in
    "$root"/*) ;;
    *) printf 'not\0%s\0the link leads nowhere, or out of the folder\0' "$f"; continue ;;
  esac
  [ -f "$t" ] && [ -r "$t" ] || { printf 'not\0%s\0it is no file, or may not be read\0' "$f"; continue; }
  n=$(($(wc -c <"$t")))
  [ "$n" -le "$most" ] || { printf 'not\0%s\0it is bigger than %s bytes\0' "$f" "$most"; continue; }
  printf 'file\0%s\0%s\0' "$f" "$n"
  head -c "$n" "$t"
done
printf 'end\0'
"""
)

_MOST_ARGUMENTS_BYTES = 32 * 1024
"""What any system takes as arguments of one command, and leaves room for the script."""

_KINDS = {"f": What.FILE, "d": What.FOLDER, "x": What.FOLDER, "l": What.LINK_TO_FILE}


class ShellWay:
    """Reads with a POSIX shell and its usual tools.

    Args:
        runner: of the host.
        deadline_s: what is started there is ended after so long, whatever becomes of the connection.
    """

    def __init__(self, runner: Runner, *, deadline_s: float) -> None:
        self._runner = runner
        self._deadline_s = deadline_s

    async def scan(self, root: str) -> Scan:
        """Return what is below ``root``.

        Raises:
            WayError: not possible there.
            TreeError: the folder is not there, or can't be read.
            UnreachableError: the connection is lost.
            RemoteProtocolError: what is said makes no sense.
        """
        words = ("sh", "-c", _LIST, "jsync", root)
        async with conversation(self._runner, words, deadline_s=self._deadline_s) as fields:
            real = await root_of(fields, root)
            sightings = await _places(fields)
            await _digests(fields, sightings)
            whole(await _links(fields, sightings), root)
        return put_together(real, sightings)

    async def read(self, root: str, paths: Sequence[RelPath], *, most_bytes: int) -> Contents:
        """Return the contents of files below ``root``; raises what ``scan`` raises."""
        found: Contents = {}
        for some in _batches(paths):
            words = ("sh", "-c", _READ, "jsync", root, str(most_bytes), *some)
            async with conversation(self._runner, words, deadline_s=self._deadline_s) as fields:
                await root_of(fields, root)
                found = {**found, **await read_files(fields, root, some, most_bytes)}
        return found


async def _places(fields: Fields) -> dict[RelPath, Sighting]:
    """Read what lies where; files can't be read until their md5 is known."""
    sightings: dict[RelPath, Sighting] = {}
    while (kind := await fields.word()) != "md5":
        mtime_ns = mtime_ns_of(await fields.word())
        size_bytes = await number_field(fields)
        what = _KINDS.get(kind, What.OTHER)
        sightings[await fields.path()] = Sighting(
            what=what, size_bytes=size_bytes, mtime_ns=mtime_ns, is_unreadable=kind in {"f", "x"}
        )
    return sightings


async def _digests(fields: Fields, sightings: dict[RelPath, Sighting]) -> None:
    while (line := await fields.field()) != b"links":
        digest, _, name = line.partition(b"  ")
        path = RelPath(name_of_bytes(name.removeprefix(b"./")))
        seen = sightings.get(path)
        if seen is not None and seen.what is What.FILE:
            sightings[path] = replace(seen, md5=md5_field(digest.decode("ascii", "replace")), is_unreadable=False)


async def _links(fields: Fields, sightings: dict[RelPath, Sighting]) -> str:
    """Read where links lead; return the word that ends them."""
    while (tag := await fields.word()) in {What.LINK_TO_FILE, What.LINK_TO_FOLDER}:
        path = await fields.path()
        sightings[path] = Sighting(what=What(tag), target=name_of_bytes(await fields.field()) or None)
    return tag


def _batches(paths: Sequence[RelPath]) -> list[list[RelPath]]:
    batches: list[list[RelPath]] = [[]]
    size_bytes = 0
    for path in paths:
        size_bytes += 4 * len(path) + 4
        if batches[-1] and size_bytes > _MOST_ARGUMENTS_BYTES:
            batches.append([])
            size_bytes = 4 * len(path) + 4
        batches[-1].append(path)
    return batches
