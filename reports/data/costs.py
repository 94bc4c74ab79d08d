"""What a selection costs, by method."""

import pandas as pd

from nas_selection_bench.reports.data.results import COST_COLUMNS, Results


def seconds_per_selection(results: Results, dataset: str) -> pd.DataFrame:
    """What a selection costs, by method: means of COST_COLUMNS on each setting, then over settings; `seconds` of both.

    Peak memory is that of the CUDA allocator. On a CPU only the mark of the whole worker process is stored, which is
    mostly PyTorch and images and says nothing of the selection: nan.
    """
    frame = results.final_of(dataset)
    frame = frame.assign(peak_memory_bytes=frame["peak_memory_bytes"].where(frame["device"] != "cpu"))
    per_setting = frame.groupby(["method", "setting"], sort=True)[list(COST_COLUMNS)].mean()
    per_setting["seconds"] = per_setting["scoring_seconds"] + per_setting["tuning_seconds"].fillna(0.0)
    return per_setting[per_setting["seconds"] > 0].groupby(level="method").mean()
