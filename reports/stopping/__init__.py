"""When to stop a search: one rule per file, each a function of what is stored along training.

`_rule.py` holds what the rules share.
"""
