"""What a report tells, as data: rows, contests, families."""
