"""Building blocks of training recipes."""
