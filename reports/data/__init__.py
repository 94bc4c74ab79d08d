"""What the sections draw from: numbers, computed once."""
