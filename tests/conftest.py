from pathlib import Path

from bench.namesake import open_folder

open_folder(Path(__file__).parents[1] / "selectors")
