"""An output folder as pandas frames; docs/columns.md describes the columns."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from nas_selection_bench.bench.errors import DAMAGE, DataError, in_brief
from nas_selection_bench.bench.files import expanded
from nas_selection_bench.bench.work.methods_file import Descriptions, read_described
from nas_selection_bench.bench.work.pack import opened
from nas_selection_bench.bench.work.run_file import run_of
from nas_selection_bench.reports.data.frames import GATHER, read_frame


@dataclass(frozen=True)
class StoredResults:
    """The results in an output folder."""

    folder: Path
    records: pd.DataFrame
    """records.csv: one row per cell; `decision_regret` as lists."""
    scores: pd.DataFrame
    """scores.csv: thirty rows per cell that is done."""
    costs: pd.DataFrame
    """costs.csv: one row per cell that is done and one per supernet."""
    tables: Mapping[str, pd.DataFrame]
    """The tables in tables/, by name: `accuracy`, `comparisons`, `yardsticks`, ..."""
    run: Mapping[str, Any]
    """run.json: the circumstances of the run."""
    methods: Descriptions
    """methods.json: descriptions of the recipes and selectors."""


def load_results(folder: Path | str) -> StoredResults:
    """The results in the output folder `folder`, packed or not; raises DataError naming what is missing or damaged."""
    place = expanded(folder)
    run = run_of(place)
    with opened(place) as unpacked:
        records, scores, costs = (read_frame(unpacked / f"{name}.csv") for name in ("records", "scores", "costs"))
    if "decision_regret" in records:
        try:
            records["decision_regret"] = records["decision_regret"].map(json.loads, na_action="ignore")
        except DAMAGE as error:
            raise DataError(f"{place / 'records.csv'} is damaged ({in_brief(error)}); {GATHER}.") from error
    tables = {path.stem: read_frame(path) for path in sorted((place / "tables").glob("*.csv"))}
    return StoredResults(place, records, scores, costs, tables, run, read_described(place))
