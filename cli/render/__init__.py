"""Reports as tables for people and as documents for scripts: values in, values out."""
