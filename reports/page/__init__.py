"""The page report.html: its template, style, scripts and data."""
