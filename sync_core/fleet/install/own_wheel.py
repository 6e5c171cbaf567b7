"""The wheel of the jsync that runs here: its own modules, packed again as they are.

No build tool is needed, and the same modules always make the same bytes.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Any

from sync_core.model.errors import HostError
from sync_core.version import __version__

__all__ = ["OwnWheel", "own_wheel"]

_PACKAGES = ("cli", "sync_core")
_LEFT_OUT = {"__pycache__"}
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16
_WHEEL = "Wheel-Version: 1.0\nGenerator: jsync\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnWheel:
    """A wheel.

    Attributes:
        name: of its file.
        data: its bytes.
    """

    name: str
    data: bytes


def own_wheel() -> OwnWheel:
    """Return the wheel of this jsync, whether it is installed or runs from a source checkout.

    Raises:
        HostError: this jsync is neither, or its parts do not fit together.
    """
    folders = [_folder(package) for package in _PACKAGES]
    information = f"jsync-{__version__}.dist-info"
    files = {name: path.read_bytes() for folder in folders for name, path in _modules(folder)}
    files |= {f"{information}/{name}": text.encode() for name, text in _descriptions(folders[0].parent).items()}
    files[f"{information}/WHEEL"] = _WHEEL.encode()
    files[f"{information}/RECORD"] = _record(files, f"{information}/RECORD")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.external_attr, entry.compress_type = _MODE, zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return OwnWheel(name=f"jsync-{__version__}-py3-none-any.whl", data=packed.getvalue())


def _folder(package: str) -> Path:
    spec = util.find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    if not places:
        raise HostError(f"this jsync can't be packed: there is no package {package}")
    return Path(places[0])


def _modules(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files of a package with their names in a wheel, in a fixed order."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder.parent).parts
        if path.is_file() and not _LEFT_OUT & set(parts) and not any(part.startswith(".") for part in parts):
            yield "/".join(parts), path


def _descriptions(root: Path) -> dict[str, str]:
    """Return METADATA and entry_points.txt: from the checkout, if this is one, since it knows best.

    Args:
        root: the folder that holds the packages.
    """
    project = _project(root / "pyproject.toml")
    if project is not None:
        needs = [f"Requires-Dist: {one}" for one in project["dependencies"]]
        python = f"Requires-Python: {project['requires-python']}"
        head = ["Metadata-Version: 2.1", "Name: jsync", f"Version: {__version__}", python, *needs]
        scripts = [f"{name} = {place}" for name, place in project["scripts"].items()]
        return {"METADATA": "\n".join([*head, ""]), "entry_points.txt": "\n".join(["[console_scripts]", *scripts, ""])}
    try:
        installed = metadata.distribution("jsync")
    except metadata.PackageNotFoundError:
        raise HostError("this jsync can't be packed: it is neither installed nor a checkout") from None
    if installed.version != __version__:
        raise HostError(
            f"this jsync can't be packed: it is {__version__}, and installed as {installed.version}",
            hint="install it again",
        )
    return {name: installed.read_text(name) or "" for name in ("METADATA", "entry_points.txt")}


def _project(file: Path) -> dict[str, Any] | None:
    try:
        project = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {})
    except FileNotFoundError:
        return None
    return project if project.get("name") == "jsync" else None


def _record(files: Mapping[str, bytes], name: str) -> bytes:
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")  # names may hold commas
    writer.writerows((file, f"sha256={_digest(data)}", len(data)) for file, data in files.items())
    writer.writerow((name, "", ""))
    return lines.getvalue().encode()


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode("ascii").rstrip("=")
