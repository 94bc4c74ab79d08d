"""What recipes are written with."""
