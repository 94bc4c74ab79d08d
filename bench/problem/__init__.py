"""The problem: the search space, its ground truth, the image data sets, and the answers that selectors return."""
