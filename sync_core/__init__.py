"""The library behind ``jsync``: no printing, no exit codes.

Rooms, from the ground up: ``model``, ``protocol``, ``inventory`` and ``tree``, ``net``, ``agent``, ``fleet``.
Imports go down only; ``docs/architecture.md`` draws the house.
"""

__version__ = "0.2.0"
