"""Thousands of simulated slaves in one process; what they speak is a ``Speaker``."""
