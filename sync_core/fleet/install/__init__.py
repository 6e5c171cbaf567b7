"""Bringing jsync to machines without it: wheels that are fetched here, an environment of its own there."""
