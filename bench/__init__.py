"""The benchmark, independent of any method: the problem, the work, the yardsticks, the checks and the commands."""

if __name__ == "bench":
    raise ImportError("in a checkout, import nas_selection_bench.bench: `bench` alone would be a second copy of it")
