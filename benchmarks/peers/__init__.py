"""The tools that stand beside jsync."""
