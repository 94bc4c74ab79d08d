"""The stored results of a run: rows, scores and costs of an output folder, and how they are grouped.

A *method* is a selector as the report names it; a *setting* is a training recipe as the report names it. The name of a
method includes the batch norm mode, that of a setting the preset, device and threads, if these vary within the folder.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nas_selection_bench.bench.errors import DAMAGE, DataError, in_brief
from nas_selection_bench.bench.problem.space import EDGES, parse
from nas_selection_bench.bench.work.methods_file import Descriptions, read_described
from nas_selection_bench.bench.work.record import DONE, FAILED, KEY_COLUMNS, MISSING, STATES
from nas_selection_bench.bench.work.run_file import run_of
from nas_selection_bench.bench.work.store import Store
from nas_selection_bench.bench.yardsticks.measures import pair_signs, standardised
from nas_selection_bench.reports.data.frames import label, rankings_of, read_frame, scores_of, stored_scores
from nas_selection_bench.reports.data.in_figures import first_shown

Checkpoint = tuple[str, int]
"""(setting, supernet seed): the unit by which comparisons on one data set are paired."""

Place = tuple[str, str, str]
"""(data set, setting, method)."""

ONE_DRAW = " †"
"""Mark behind the name of a selector that does not read the checkpoint."""

ONE_DRAW_SAID = "† needs no trained supernet: one result per seed, the same for every recipe."

INCOMPLETE_SAID = (
    "* mean over fewer recipes than the others, or without selections that failed or are missing: compare it within a"
    " recipe only."
)

COLLAPSED = 10.0
"""A choice below this percentile of the space has collapsed: the network hardly learns, because its path is cut or
consists of skip connections alone."""

COST_COLUMNS = ("scoring_seconds", "tuning_seconds", "peak_memory_bytes")


def shares_of(operation: int, architectures: pd.Series) -> list[float]:
    """The share of `operation` among the six edges of each architecture."""
    return [parse(text).count(operation) / len(EDGES) for text in architectures]


@dataclass(frozen=True)
class Results:
    """One output folder: one row per cell, in the order of records.csv."""

    folder: Path
    rows: pd.DataFrame
    """records.csv, with `method`, `setting` and the COST_COLUMNS joined."""
    scores: NDArray[np.float64]
    """[rows, 6, 5] scores of the operations on each edge; nan for rows without scores."""
    supernets: pd.DataFrame
    """Training costs, with the columns dataset, recipe, supernet_seed and training_seconds."""
    run: dict[str, Any]
    """run.json."""
    commits: dict[str, int]
    """Commit of this program -> number of selections computed with it; those of an unknown commit are left out."""
    described: Descriptions
    """methods.json."""
    store: Store
    """The records that the rows were gathered from, if they still exist."""

    @classmethod
    def read(cls, folder: Path, store: Store | None = None) -> "Results":
        """The results in `folder`; raises DataError naming the file that is missing or malformed.

        `store` holds the records that the files of the folder were just gathered from. Without it, scores are read
        from scores.csv.
        """
        try:
            return cls._read(folder, store)
        except DAMAGE as error:
            raise DataError(
                f"The CSV files of {folder} do not fit together ({in_brief(error)}); gather them with --report-only."
            ) from error

    @classmethod
    def _read(cls, folder: Path, store: Store | None) -> "Results":
        rows = read_frame(folder / "records.csv", (*KEY_COLUMNS, "state", "reason", "architecture", "test", "tau_best"))
        costs = read_frame(folder / "costs.csv", ("dataset", "recipe", "supernet_seed"))
        rows["method"] = label(rows, "selector", ("bn",))
        rows["setting"] = label(rows, "recipe", ("preset", "device", "threads"))
        supernets = pd.DataFrame(columns=["dataset", "recipe", "supernet_seed", "training_seconds"])
        if "training_seconds" in costs:
            trained = costs[costs["training_seconds"].notna()]
            supernets = trained[[*supernets.columns]].reset_index(drop=True)
        commits: dict[str, int] = {}
        if "commit" in costs:
            commits = {str(commit): int(n) for commit, n in costs["commit"].value_counts(sort=False).items()}
        keys = [name for name in KEY_COLUMNS if name in costs.columns]
        present = [name for name in COST_COLUMNS if name in costs.columns]
        if "selector" in keys and present:
            of_cells = costs[costs["selector"].notna() & costs[present].notna().any(axis=1)].drop_duplicates(keys)
            of_cells = of_cells[[*keys, *present]].astype({name: rows[name].dtype for name in keys})
            rows = rows.merge(of_cells, on=keys, how="left")
        for name in COST_COLUMNS:
            if name not in rows:
                rows[name] = np.nan
        scores = stored_scores(rows, folder / "scores.csv") if store is None else scores_of(rows, store)
        return cls(
            folder, rows, scores, supernets, run_of(folder), commits, read_described(folder), store or Store(folder)
        )

    @cached_property
    def done(self) -> pd.DataFrame:
        """The rows with a result; their index still points into `rows` and `scores`."""
        return self.rows[self.rows["state"] == DONE]

    @cached_property
    def _at_last_epoch(self) -> "pd.Series[bool]":
        """[rows] whether a row is at the last planned checkpoint of its data set and setting that any cell reached."""
        rows, epochs = self.rows, self.rows["epoch"]
        reached = epochs.where(rows["state"] != MISSING).groupby(rows["dataset"]).transform("max")
        return epochs == epochs.where(epochs <= reached).groupby([rows["dataset"], rows["setting"]]).transform("max")

    @cached_property
    def final(self) -> pd.DataFrame:
        """The rows with a result at the last checkpoint of their data set and setting."""
        return self.rows[self._at_last_epoch & (self.rows["state"] == DONE)]

    @cached_property
    def scored(self) -> NDArray[np.bool_]:
        """[rows] whether a row has scores."""
        return np.asarray(np.isfinite(self.scores).all(axis=(1, 2)))

    @cached_property
    def final_in_order(self) -> pd.DataFrame:
        """`final` sorted by setting, method and seeds."""
        return self.final.sort_values(["setting", "method", "supernet_seed", "selector_seed"], kind="stable")

    @cached_property
    def final_places(self) -> dict[Place, dict[int, list[int]]]:
        """Place -> supernet seed -> positions of its rows in `final_in_order`; data sets in the order of the run."""
        columns = (self.final_in_order[name].tolist() for name in ("dataset", "setting", "method", "supernet_seed"))
        found: dict[Place, dict[int, list[int]]] = {}
        for i, (dataset, setting, method, seed) in enumerate(zip(*columns, strict=True)):
            found.setdefault((dataset, setting, method), {}).setdefault(seed, []).append(i)
        return dict(sorted(found.items(), key=lambda item: self.datasets.index(item[0][0])))

    @cached_property
    def fallen(self) -> dict[Place, set[int]]:
        """Place -> the supernet seeds on which some choice is below COLLAPSED."""
        percentiles = self.final_in_order["percentile"].tolist()
        return {
            place: {seed for seed, rows in by_seed.items() if any(percentiles[i] < COLLAPSED for i in rows)}
            for place, by_seed in self.final_places.items()
        }

    @cached_property
    def operations(self) -> NDArray[np.int64]:
        """[rows, 6] the operation on each edge of the architecture of a row; -1 for rows without one."""
        nothing = (-1,) * len(EDGES)
        return np.array([parse(text) if isinstance(text, str) else nothing for text in self.rows["architecture"]])

    @cached_property
    def signs(self) -> NDArray[np.int8]:
        """[rows, 6, 5, 5] sign of the score difference of two operations on an edge; 0 for rows without scores."""
        return pair_signs(np.where(self.scored[:, None, None], self.scores, 0.0))

    @cached_property
    def standardised(self) -> NDArray[np.float64]:
        """[rows, 6, 5] the scores with mean 0 and standard deviation 1 on each edge."""
        found = np.full(self.scores.shape, np.nan)
        found[self.scored] = standardised(self.scores[self.scored])
        return found

    @cached_property
    def _finals(self) -> dict[str, pd.DataFrame]:
        """Cache of `final_of`. Not a dataclass field, so that a copy made with `replace` starts empty."""
        return {}

    def final_of(self, dataset: str) -> pd.DataFrame:
        """The rows of `final` on one data set."""
        if dataset not in self._finals:
            self._finals[dataset] = self.final[self.final["dataset"] == dataset]
        return self._finals[dataset]

    @cached_property
    def own_checkpoint(self) -> pd.DataFrame:
        """The rows with a result whose selector read the checkpoint.

        `shared`, `checkpoint` and `recipe_version` are nan if the folder is too old to have these columns.
        """
        unsaid = {name: np.nan for name in ("shared", "checkpoint", "recipe_version") if name not in self.done}
        rows = self.done.assign(**unsaid)
        return rows[rows["shared"].isna()]

    @cached_property
    def datasets(self) -> list[str]:
        """Data sets in the order of the run."""
        return [str(name) for name in self.rows["dataset"].unique()]

    @cached_property
    def settings(self) -> list[str]:
        """Settings in the order of the rows."""
        return [str(name) for name in self.rows["setting"].unique()]

    @cached_property
    def checkpoint_free(self) -> set[str]:
        """The methods that do not read the checkpoint: all recipes share their one result per supernet seed."""
        if "shared" not in self.done:
            return set()
        every = self.done["shared"].notna().groupby(self.done["method"]).all()
        return {str(method) for method in every.index[every]}

    @cached_property
    def lost(self) -> dict[tuple[str, str, str], int]:
        """(data set, setting, method) -> number of cells that failed or are missing at the last checkpoint, if any."""
        left = self.rows[self._at_last_epoch & self.rows["state"].isin((FAILED, MISSING))]
        sizes = left.groupby(["dataset", "setting", "method"]).size()
        return {(str(d), str(s), str(m)): int(n) for (d, s, m), n in zip(sizes.index, sizes, strict=True)}

    @cached_property
    def _choices(self) -> dict[tuple[str, str], tuple[object, ...]]:
        """(data set, method) -> its choice on every checkpoint."""
        columns = ("dataset", "method", "setting", "supernet_seed", "selector_seed", "architecture")
        found: dict[tuple[str, str], list[object]] = {}
        for dataset, method, *choice in zip(*(self.final_in_order[name].tolist() for name in columns), strict=True):
            found.setdefault((dataset, method), []).append(tuple(choice))
        return {of: tuple(choices) for of, choices in found.items()}

    def representatives(self, dataset: str, names: Sequence[str]) -> dict[str, str]:
        """Each of `names` -> the representative of all methods with the same choices on every checkpoint.

        The representative is the one that figures would show first (`first_shown`).
        """
        choices = {name: self._choices[dataset, name] for name in names}
        representative: dict[object, str] = {}
        for name in sorted(names, key=lambda name: first_shown(name, names)):
            representative.setdefault(choices[name], name)
        return {name: representative[choices[name]] for name in names}

    def duplicates(self, dataset: str, names: Sequence[str]) -> set[str]:
        """The methods of `names` that are represented by another one (`representatives`)."""
        return {name for name, representative in self.representatives(dataset, names).items() if name != representative}

    def what(self, method: str) -> str:
        """The first line of a method's file, which says what it is; empty if it is not stored."""
        return self.described["selectors"].get(method.partition(" ")[0], {}).get("what", "")

    def draw(self, method: str, place: int) -> tuple[str | int, ...]:
        """A key of the independent selection behind the row at `place`, a row of `method` at the last checkpoint.

        A method that does not read the checkpoint draws once per pair of seeds, and all recipes share that draw.
        """
        setting, *seeds = self._drawn[place]
        return tuple(seeds) if method in self.checkpoint_free else (setting, *seeds)

    @cached_property
    def _drawn(self) -> list[tuple[str, int, int]]:
        """(setting, supernet seed, selector seed) of each row."""
        return list(
            zip(*(self.rows[name].tolist() for name in ("setting", "supernet_seed", "selector_seed")), strict=True)
        )

    def shared_checkpoints(
        self, scored: Mapping[str, Mapping[Checkpoint, int]], first: str, second: str
    ) -> list[Checkpoint]:
        """The checkpoints on which both methods have scores, in order; `scored` is the result of `scored_at`.

        One per seed if neither method reads the checkpoint, since all recipes share its result.
        """
        shared = sorted(scored[first].keys() & scored[second].keys())
        if {first, second} <= self.checkpoint_free:
            return list({seed: (setting, seed) for setting, seed in shared}.values())
        return shared

    def marked(self, method: str) -> str:
        """The name of a method in a table, with ONE_DRAW appended if it does not read the checkpoint."""
        return method + ONE_DRAW if method in self.checkpoint_free else method

    def scored_at(self, dataset: str) -> dict[str, dict[Checkpoint, int]]:
        """Method -> checkpoint -> its row with scores at the last checkpoint, for selector seed 0."""
        frame = self.final_of(dataset)
        frame = frame[(frame["selector_seed"] == 0) & self.scored[frame.index]]
        found: dict[str, dict[Checkpoint, int]] = {}
        columns = (frame[name].tolist() for name in ("method", "setting", "supernet_seed"))
        for place, method, setting, seed in zip(frame.index.tolist(), *columns, strict=True):
            found.setdefault(method, {})[setting, seed] = place
        return found

    def counts(self) -> dict[str, int]:
        """State (done, failed, skipped, missing) -> number of cells."""
        found = self.rows["state"].value_counts()
        return {state: int(found.get(state, 0)) for state in STATES}

    @cached_property
    def ranked(self) -> dict[int, Mapping[str, Any]]:
        """Index of a row of `final` -> its architecture codes and scores, if it has a record with a ranking."""
        return rankings_of(self.final, self.store)


def per_checkpoint(
    frame: pd.DataFrame, column: str, over_selector_seeds: Literal["mean", "min"] = "mean"
) -> dict[str, dict[Checkpoint, float]]:
    """Method -> checkpoint -> mean or minimum of `column` over selector seeds; `frame` is of one data set.

    Methods are ordered by their overall mean, best first. Checkpoints without a value are absent.
    """
    by_checkpoint = frame.groupby(["method", "setting", "supernet_seed"], sort=True)[column]
    averaged = by_checkpoint.agg(over_selector_seeds).dropna()
    order = averaged.groupby(level="method").mean().sort_values(ascending=False, kind="stable").index
    values: dict[str, dict[Checkpoint, float]] = {str(name): {} for name in order}
    for (method, setting, seed), value in zip(averaged.index, averaged, strict=True):
        values[str(method)][str(setting), int(seed)] = float(value)
    return values
