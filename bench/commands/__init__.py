"""Commands of the benchmark; `nas_selection_bench/__main__.py` lists the commands of all packages."""
