"""Tests of the GPU path on a machine without a GPU."""
