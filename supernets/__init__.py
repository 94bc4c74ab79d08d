"""The weight-sharing network, its training loop, and one file per training recipe."""

if __name__ == "supernets":
    raise ImportError(
        "in a checkout, import nas_selection_bench.supernets: `supernets` alone would be a second copy of it"
    )
