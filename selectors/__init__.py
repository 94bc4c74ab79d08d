"""One file per selection criterion, and what they share."""
