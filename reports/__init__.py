"""From records to tables, figures and one HTML page."""

if __name__ == "reports":
    raise ImportError("in a checkout, import nas_selection_bench.reports: `reports` alone would be a second copy of it")
