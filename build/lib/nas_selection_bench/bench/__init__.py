"""The benchmark, which knows no method: the problem, the work and the yardsticks."""
