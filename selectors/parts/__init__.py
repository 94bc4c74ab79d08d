"""Parts that the criteria share: the `Search` they are given, edge orders, the greedy schedule, common rules."""
