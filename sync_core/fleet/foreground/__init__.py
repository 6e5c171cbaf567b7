"""``jsync up`` without ``-d``: agents that run as long as somebody stays with them, here and on other machines."""
