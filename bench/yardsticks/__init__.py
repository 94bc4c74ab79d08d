"""How good an answer is: measures, floors and statistics; all are pure functions, but for the file of agreements."""
