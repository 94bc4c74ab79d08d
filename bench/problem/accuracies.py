"""The arrays that a ground-truth table holds for one data set, with checks of their shape, range and plausibility."""

from dataclasses import dataclass

import numpy as np

from nas_selection_bench.bench.errors import DataError, counted
from nas_selection_bench.bench.problem.space import N_ARCHITECTURES, NONE, all_architectures, architecture_of, to_string

SPLITS = ("test", "valid")


@dataclass(frozen=True)
class Accuracies:
    """The arrays of one data set, all in space order; accuracies are in %."""

    test: np.ndarray | None = None
    """[15625] float64: mean test accuracy. None stands for the mean of `trials`."""
    valid: np.ndarray | None = None
    """[15625] float64: mean validation accuracy, if the table has any."""
    trials: np.ndarray | None = None
    """[15625, T] float64: test accuracy of each single training, nan where there was none."""
    parameters: np.ndarray | None = None
    """[15625] float64: number of parameters."""
    flops: np.ndarray | None = None
    """[15625] float64: operations in the forward pass of one image. NAS-Bench-201 counts a multiply-add as one
    operation, make-table as two; only the order within a table is used."""


def checked(name: str, dataset: str, held: Accuracies) -> Accuracies:
    """The arrays as read-only float64, checked for shape, range and plausibility.

    If `test` is None, it becomes the mean of the trials. Raises DataError that says what is wrong.
    """
    if not dataset or "/" in dataset:
        raise DataError(f"The table {name!r}: {dataset!r} cannot be the name of a data set.")
    where = f"The table {name!r}, data set {dataset!r}"
    trials = held.trials
    if trials is not None:
        trials = _numbers(where, "trials", trials)
        if trials.ndim != 2 or len(trials) != N_ARCHITECTURES:
            raise DataError(f"{where}: trials has shape {trials.shape}, not ({N_ARCHITECTURES}, number of trials).")
        _check_percent(where, "trial", trials[~np.isnan(trials)])
    test = held.test
    if test is None:
        if trials is None:
            raise DataError(f"{where} holds no test accuracies.")
        counts = (~np.isnan(trials)).sum(axis=1)
        # The mean of no trials is 0 / 0: it becomes nan here, and `_complete` refuses it and names the architecture.
        test = np.divide(np.nansum(trials, axis=1), counts, out=np.full(len(trials), np.nan), where=counts > 0)
    fields = {"test": test, "valid": held.valid, "parameters": held.parameters, "flops": held.flops}
    arrays = {key: _complete(where, key, values) for key, values in fields.items() if values is not None}
    for split in SPLITS:
        if split in arrays:
            _check_percent(where, split, arrays[split])
    for count in ("parameters", "flops"):
        if count in arrays:
            _check_counts(where, count, arrays[count])
    if {"parameters", "flops"} <= arrays.keys() and np.median(arrays["flops"]) < np.median(arrays["parameters"]):
        raise DataError(f"{where}: most networks have fewer FLOPs than parameters; correct the units of one of them.")
    _check_sense(where, arrays["test"], trials)
    return Accuracies(trials=None if trials is None else frozen(trials), **arrays)


def _numbers(where: str, key: str, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    if values.dtype.kind not in "iuf":
        raise DataError(f"{where}: {key} holds {values.dtype}, not numbers.")
    return values.astype(np.float64, copy=False)


def _complete(where: str, key: str, values: np.ndarray) -> np.ndarray:
    values = _numbers(where, key, values)
    if values.shape != (N_ARCHITECTURES,):
        raise DataError(f"{where}: {key} has shape {values.shape}, not ({N_ARCHITECTURES},).")
    missing = np.flatnonzero(~np.isfinite(values))
    if missing.size:
        first = to_string(architecture_of(int(missing[0])))
        raise DataError(
            f"{where}: {key} is missing for {counted(int(missing.size), 'architecture')}, the first is {first}."
        )
    return frozen(values)


def _check_percent(where: str, key: str, values: np.ndarray) -> None:
    if values.size and not (values.min() >= 0 and values.max() <= 100):
        raise DataError(f"{where}: {key} accuracies must lie in 0..100 (%), found {values.min()} to {values.max()}.")
    if values.size and values.max() <= 1:
        raise DataError(f"{where}: no {key} accuracy is above 1, so they look like fractions; give them in %.")


_LARGEST = {"parameters": (1e4, 1e9), "flops": (1e4, 1e12)}
"""Limits for the count of the largest network in a table. Even with 4 channels on 8x8 images it exceeds the lower one;
counts given in thousands or millions, or plain counts read as millions, fall outside."""


def _check_counts(where: str, key: str, values: np.ndarray) -> None:
    """Refuse counts that are negative, not whole or in other units; the NAS-Bench-201 packages give millions."""
    least, most = _LARGEST[key]
    if values.min() < 0 or (values != np.round(values)).any() or not least <= values.max() <= most:
        raise DataError(
            f"{where}: {key} from {values.min():g} to {values.max():g} are not whole counts; give plain"
            " counts, or, if a CSV gives millions, end the name of the column in _millions."
        )


def _check_sense(where: str, test: np.ndarray, trials: np.ndarray | None) -> None:
    """Refuse implausible tables: networks that ignore the image among the best, or trials from another table."""
    if np.median(test[_disconnected()]) > np.quantile(test, 0.9):
        raise DataError(
            f"{where}: networks that ignore their input are among the best, so these look like error rates;"
            " give accuracies."
        )
    if trials is not None:
        counts = (~np.isnan(trials)).sum(axis=1)
        sums = np.nansum(trials, axis=1)
        apart = np.abs(sums[counts > 0] / counts[counts > 0] - test[counts > 0])
        if apart.size and np.median(apart) > 5:
            raise DataError(
                f"{where}: test accuracies and their single trials differ by {np.median(apart):.1f} points (median);"
                " they do not come from the same table."
            )


def _disconnected() -> np.ndarray:
    """[15625] bool, space order: whether every path from the input to the output contains a `none`."""
    passes = (all_architectures() != NONE).T
    one = passes[0]
    two = passes[1] | (passes[2] & one)
    return ~(passes[3] | (passes[4] & one) | (passes[5] & two))


def frozen(values: np.ndarray) -> np.ndarray:
    """The values as a read-only array; a copy if the caller could write to them."""
    values = values.copy() if values.flags.writeable else values
    values.setflags(write=False)
    return values
