"""The content of a report as data: rows, contests, families, points."""
