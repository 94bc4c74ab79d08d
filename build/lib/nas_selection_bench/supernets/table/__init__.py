"""Makes a ground-truth table by training architectures of the space from scratch."""
