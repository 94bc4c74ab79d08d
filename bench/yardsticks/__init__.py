"""The worth of an answer: measures, floors and statistics, all pure functions."""
