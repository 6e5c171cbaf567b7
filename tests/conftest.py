"""Properties are about results, never about speed: no deadlines for the examples."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("results", deadline=None)
settings.load_profile("results")
