"""The GPU path on a machine without a GPU."""
