"""The page itself: its frame, style and scripts."""
