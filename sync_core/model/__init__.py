"""Values: inventory, host, manifest, change, policy. No input or output, and time is an argument."""
