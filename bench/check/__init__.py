"""Checks of whether stored results still hold."""
