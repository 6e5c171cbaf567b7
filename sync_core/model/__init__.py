"""Values and rules: trees, views, settling, comparison, inventory, policy. No I/O, and time is an argument."""
