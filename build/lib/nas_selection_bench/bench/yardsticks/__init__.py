"""What an answer is worth: measures, floors and statistics, all pure functions."""
