"""What the firewall tools of this host print. Every command here only reads."""

import os
import re
import shutil
import subprocess
from typing import Any, Dict, List, Optional

__all__ = ["read"]

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_TIMEOUT_S = 5.0
_MOST_BYTES = 2 << 20
_SERVICE_FOLDERS = ("/etc/firewalld/services", "/usr/lib/firewalld/services")

_COMMANDS = {
    "nft-json": ["nft", "-j", "list", "ruleset"],
    "nft": ["nft", "-a", "list", "ruleset"],
    "iptables": ["iptables-save"],
    "ip6tables": ["ip6tables-save"],
    "iptables-legacy": ["iptables-legacy-save"],
    "ip6tables-legacy": ["ip6tables-legacy-save"],
    "firewalld": ["firewall-cmd", "--list-all-zones"],
    "firewalld-permanent": ["firewall-cmd", "--permanent", "--list-all-zones"],
    "firewalld-default": ["firewall-cmd", "--get-default-zone"],
    "ufw": ["ufw", "status", "verbose"],
}


def read() -> Dict[str, Any]:
    """Return for each tool that is there what it printed, its complaint, and its exit code (``None``: no answer)."""
    state = _run(["firewall-cmd", "--state"])
    has_firewalld = state is not None and state["code"] == 0
    wanted = (name for name in _COMMANDS if _is_wanted(name) and (has_firewalld or not name.startswith("firewalld")))
    found = {name: _run(_COMMANDS[name]) for name in wanted}
    answers = {name: answer for name, answer in found.items() if answer is not None}
    if "firewalld" in answers:
        names = set(
            re.findall(r"[\w.-]+", " ".join(re.findall(r"^\s*services:(.*)$", answers["firewalld"]["out"], re.M)))
        )
        answers["firewalld-services"] = {"code": 0, "out": "".join(map(_service, sorted(names)[:200])), "error": ""}
    return answers


def _is_wanted(name: str) -> bool:
    if name.endswith("-legacy"):  # the legacy tools say nothing where the kernel has no such tables
        names = "/proc/net/{}_names".format("ip_tables" if name.startswith("iptables") else "ip6_tables")
        return not os.path.exists(names) or bool(_text(names))
    return name != "ufw" or os.path.exists("/etc/ufw/ufw.conf")


def _run(command: List[str]) -> Optional[Dict[str, Any]]:
    tool = shutil.which(command[0], path=_PATH)
    if tool is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - words of ours
            [tool, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=_TIMEOUT_S,
            env={"PATH": _PATH, "LC_ALL": "C"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"code": None, "out": "", "error": "no answer within {:g} s".format(_TIMEOUT_S)}
    except OSError as error:
        return {"code": None, "out": "", "error": error.strerror or "can't be run"}
    if len(done.stdout) > _MOST_BYTES:
        return {"code": None, "out": "", "error": "more than {} bytes".format(_MOST_BYTES)}
    words = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return {
        "code": done.returncode,
        "out": done.stdout.decode("utf-8", "replace"),
        "error": words[0][:200] if words else "",
    }


def _service(name: str) -> str:
    """Return a line ``NAME PORT/PROTOCOL …`` from the definition that firewalld uses."""
    for folder in _SERVICE_FOLDERS:
        text = _text(os.path.join(folder, name + ".xml"))
        if text:
            tags = re.findall(r"<port\s[^>]*>", text)
            found = [(re.search(r'port="([\d-]+)"', tag), re.search(r'protocol="(\w+)"', tag)) for tag in tags]
            ports = ["{}/{}".format(port.group(1), kind.group(1)) for port, kind in found if port and kind]
            return " ".join([name, *ports]) + "\n"
    return ""


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_MOST_BYTES)
    except OSError:
        return ""
