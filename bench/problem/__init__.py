"""The problem: the space, its ground truth, the images, and what counts as an answer."""
