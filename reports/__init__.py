"""The reports: tables, figures and one HTML page, made from stored records."""

if __name__ == "reports":
    raise ImportError("in a checkout, import nas_selection_bench.reports: `reports` alone would be a second copy of it")
