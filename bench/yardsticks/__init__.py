"""How good an answer is: measures, floors and statistics. All but the file of agreements are pure functions."""
