"""The comparison that the benchmark was made for: what its first release was asked to settle.

Whoever adds selectors adds comparisons, and the correction for them makes every verdict harder to reach. The
criteria of the founding papers and their controls are therefore judged as a family of their own as well.
"""

PRIMARY = (
    "magnitude", "magnitude-no-none", "darts-pt", "darts-pt-loss", "ostr", "ostr-exact", "zero-cost-pt", "disc-acc",
    "pt-magnitude", "pt-random",
)  # fmt: skip
"""The criteria of DARTS, DARTS-PT, OStr-DARTS and Zero-Cost-PT, and the controls that separate what they mix."""
