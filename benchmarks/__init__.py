"""What measures speed: ``python -m benchmarks`` runs W1 to W9 beside other tools (``docs/performance.md``)."""
