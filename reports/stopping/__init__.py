"""Stopping rules, which say when to stop a search: one per file, each a function of the stored course of training.

`_rule.py` holds their common parts.
"""
