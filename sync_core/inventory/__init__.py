"""YAML in, the values of ``model`` out."""
