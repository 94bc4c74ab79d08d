"""Architecture selection criteria compared on the same NAS-Bench-201 supernets."""

__version__ = "0.1.0"
