"""The weight-sharing network: literal, fused, and stand-alone."""
