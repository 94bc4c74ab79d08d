"""Makes ground-truth tables by training the architectures of the space from scratch."""
