"""What the criteria share: the search that they are given, edge orders, the greedy schedule, common rules."""
