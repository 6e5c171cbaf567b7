"""The file system: scan, watch, staged and atomic apply."""
