"""The results of an unfinished table: which networks of each trial are done, and their accuracies."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from nas_selection_bench.bench.errors import DAMAGE, DataError, UsageError, in_brief
from nas_selection_bench.bench.files import write_whole
from nas_selection_bench.bench.problem.array_files import open_npz

SECONDS_BETWEEN_WRITES = 5.0


class TableProgress:
    """Accuracies [classes, trials] of each split, nan for networks not trained yet; the file is replaced as a whole."""

    def __init__(
        self, path: Path, settings: Mapping[str, Any], classes: int, trials: int,
        untold: Mapping[str, Any] = MappingProxyType({}),
    ):  # fmt: skip
        """Resume from the file at `path` if there is one.

        Raises UsageError if it was made with other `settings`, DataError if it is damaged. `untold` holds the
        settings to assume for a file that does not record them.
        """
        self.path = path
        self.settings = json.dumps(settings, sort_keys=True)
        self._untold = untold
        self.test = np.full((classes, trials), np.nan)
        self.valid = self.test.copy()
        if path.exists():
            self._take_up()

    def _take_up(self) -> None:
        try:
            with open_npz(self.path) as file:
                told, test, valid = json.loads(str(file["settings"])), file["test"], file["valid"]
                if not isinstance(told, dict):
                    raise ValueError(f"its settings are {told!r}")
                if not test.dtype == valid.dtype == self.test.dtype:
                    raise ValueError(f"its accuracies are {test.dtype} and {valid.dtype}")
                if not test.shape == valid.shape == (*self.test.shape[:1], *test.shape[1:2]):
                    raise ValueError(f"its accuracies have the shapes {test.shape} and {valid.shape}")
        except (OSError, *DAMAGE) as error:
            raise DataError(f"{self.path} is damaged ({in_brief(error)}); remove it and start again.") from error
        began, now = _flat({**self._untold, **told}), _flat(json.loads(self.settings))
        others = [name for name in sorted({*began, *now}) if began.get(name) != now.get(name)]
        if others:
            sides = "; ".join(f"{name} {began.get(name)}, now {now.get(name)}" for name in others)
            raise UsageError(
                f"{self.path} was started with other settings ({sides}); use those, remove it, or name another --out."
            )
        if test.shape[1] > self.test.shape[1]:
            # More trials than asked for now: all are kept.
            self.test, self.valid = test, valid
        else:
            self.test[:, : test.shape[1]], self.valid[:, : test.shape[1]] = test, valid

    def missing(self, trial: int, wanted: np.ndarray) -> np.ndarray:
        """The classes among `wanted` that `trial` still lacks, in the order of `wanted`."""
        return wanted[np.isnan(self.test[wanted, trial])]

    def put(self, trial: int, classes: np.ndarray, test: list[float], valid: list[float]) -> None:
        """Store the accuracies (%) of a group of classes."""
        self.test[classes, trial], self.valid[classes, trial] = test, valid

    def write(self) -> None:
        """Write the file, so that a kill leaves the old one or the new one; raises DataError if that is impossible."""
        content = io.BytesIO()
        np.savez_compressed(content, settings=np.array(self.settings), test=self.test, valid=self.valid)
        write_whole(self.path, content.getvalue())


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """`settings` with nested groups flattened: each member gets the key `GROUP NAME`."""
    groups = {key: part if isinstance(part, dict) else {"": part} for key, part in settings.items()}
    return {f"{key} {name}".rstrip(): value for key, part in groups.items() for name, value in part.items()}
