"""The figures, as SVG for the page and with matplotlib for papers."""
