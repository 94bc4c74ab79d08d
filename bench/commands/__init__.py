"""Commands of the harness; `nas_selection_bench/__main__.py` lists those of all rooms."""
