"""One module per command: typed arguments in, an exit code out."""
