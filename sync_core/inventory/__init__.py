"""YAML, JSON and executables in, the values of ``model`` out.

``find`` says which inventory is meant, ``load`` reads it, ``dump``, ``graph`` and ``describe`` show it again, and
``schema`` is the JSON Schema of what ``load`` takes. Nothing here ever asks DNS.
"""

from __future__ import annotations

from sync_core.inventory.finder import find
from sync_core.inventory.listing import HostValue, describe, dump, graph
from sync_core.inventory.loader import load
from sync_core.inventory.schema import schema

__all__ = ["HostValue", "describe", "dump", "find", "graph", "load", "schema"]
