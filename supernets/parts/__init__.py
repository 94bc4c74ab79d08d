"""The parts that recipes are written with."""
