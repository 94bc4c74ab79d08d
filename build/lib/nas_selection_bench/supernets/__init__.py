"""The weight-sharing network, its training loop, and one file per training recipe."""
