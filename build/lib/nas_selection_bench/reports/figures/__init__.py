"""Figures, each drawn from rows."""
