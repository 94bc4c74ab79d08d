"""The sections of the HTML report, one module per topic."""
