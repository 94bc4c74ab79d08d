"""The cost of a selection, by method."""

import pandas as pd

from nas_selection_bench.reports.data.results import COST_COLUMNS, Results


def seconds_per_selection(results: Results, dataset: str) -> pd.DataFrame:
    """The mean cost of a selection: one row per method, COST_COLUMNS averaged per setting and then over settings.

    `seconds` is scoring plus tuning; methods without stored seconds are left out. Peak memory is that of the CUDA
    allocator. For a CPU only the peak of the whole worker process is stored, which is mostly PyTorch and images and
    says nothing about the selection, so it is nan here.
    """
    frame = results.final_of(dataset)
    frame = frame.assign(peak_memory_bytes=frame["peak_memory_bytes"].where(frame["device"] != "cpu"))
    per_setting = frame.groupby(["method", "setting"], sort=True)[list(COST_COLUMNS)].mean()
    per_setting["seconds"] = per_setting["scoring_seconds"] + per_setting["tuning_seconds"].fillna(0.0)
    return per_setting[per_setting["seconds"] > 0].groupby(level="method").mean()
