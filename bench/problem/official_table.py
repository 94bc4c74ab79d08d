"""The official NAS-Bench-201 file (v1_0-e61699 or v1_1-096897), read through the package nas-bench-201.

Facts, from the package's source (PyPI nas-bench-201 2.1, nas_201_api/api_201.py and api_utils.py):

* The file is one pickled dict: `meta_archs` (the architecture strings in the table's order), `evaluated_indexes` and
  `arch2infos`, which holds for each index a state dict `less` (12 epochs, hp="12") and `full` (200 epochs, hp="200").
* `NASBench201API(path)` calls torch.load without options, which torch >= 2.6 takes to mean weights only, in pure
  Python; `NASBench201API(dict)` deep-copies the whole dict (28 GB for v1_1), and every query copies again. So the
  file is unpickled here, once, with a list of allowed names, and each entry is dropped as soon as it is read.
* `get_more_info` draws a random trial unless told otherwise. Here every trial is read and the mean is taken.
* v1_0 stores no times and evaluates some splits after the last epoch only, and `get_eval` sums times over all epochs;
  so the accuracy after the last epoch is taken from the trial's own record, `eval_acc1es["SPLIT@199"]`.
"""

import gc
import pickle
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import DataError
from bench.problem.space import N_ARCHITECTURES, code, parse
from bench.problem.table import Accuracies, GroundTruth, refuse_missing

EPOCHS = 200
SPLITS = {
    "cifar10": {"test": ("cifar10", "ori-test"), "valid": ("cifar10-valid", "x-valid")},
    "cifar100": {"test": ("cifar100", "x-test"), "valid": ("cifar100", "x-valid")},
    "imagenet16": {"test": ("ImageNet16-120", "x-test"), "valid": ("ImageNet16-120", "x-valid")},
}
"""Our data set -> our split -> the package's data set (what the network was trained on) and evaluation split."""

_ALLOWED = {
    "builtins": {"set", "frozenset", "list", "dict", "tuple", "int", "float", "complex", "bytearray", "slice", "range"},
    "collections": {"OrderedDict", "defaultdict"},
    "numpy": {"dtype", "ndarray"},
    "numpy._core.multiarray": {"scalar", "_reconstruct"},
    "torch": {"Size", "device"},
    "torch._utils": {"_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter"},
    "_codecs": {"encode"},
}
"""What a pickle of numbers, containers and tensors may name; torch itself resolves its storages."""


def read_official(path: Path) -> GroundTruth:
    """The ground truth in an official file: 200 epochs, mean over all stored trials, the trials beside it.

    Needs the memory of the unpickled file, about 28 GB for v1_1. Raises DataError for a wrong or truncated file, and
    naming the architecture for a missing or duplicated one, a missing data set and another number of epochs.
    """
    try:
        from nas_201_api import ArchResults
    except ImportError:
        raise DataError(
            f"Reading {path} needs the package nas-bench-201; install it with `pip install nas-bench-201==2.1`."
        ) from None
    return from_content(_unpickled(path), path, ArchResults.create_from_state_dict)


def from_content(content: Any, path: Path, results_of: Callable[[dict[str, Any]], Any]) -> GroundTruth:
    """The ground truth in the unpickled `content` of an official file, which is emptied on the way.

    `results_of` makes the package's record of one architecture (ArchResults) from its state dict; `path` is what
    error sentences call the file.
    """
    if not isinstance(content, dict) or not {"meta_archs", "arch2infos", "evaluated_indexes"} <= content.keys():
        raise DataError(
            f"{path} is not the official NAS-Bench-201 file: it lacks meta_archs, arch2infos or evaluated_indexes."
        )
    strings, infos = content["meta_archs"], content.pop("arch2infos")
    positions = _positions(path, strings)
    trials: dict[tuple[str, str], list[dict[int, float]]] = {
        (dataset, split): [{} for _ in range(N_ARCHITECTURES)] for dataset, held in SPLITS.items() for split in held
    }
    costs = {(dataset, cost): np.empty(N_ARCHITECTURES) for dataset in SPLITS for cost in ("parameters", "flops")}
    for index, position in enumerate(positions):
        where = f"{path}, architecture {index} ({strings[index]})"
        info = infos.pop(index, None)
        if info is None or "full" not in info:
            raise DataError(f"{where}: its results of {EPOCHS} epochs are missing; the file is not the whole table.")
        results = results_of(info.pop("full"))
        if results.arch_str != strings[index]:
            raise DataError(f"{where}: its results belong to {results.arch_str}; the file is damaged.")
        for dataset, held in SPLITS.items():
            for split, (trained_on, evaluated_on) in held.items():
                found = _trials(where, results, trained_on)
                trials[dataset, split][position] = {
                    seed: _accuracy(where, trial, evaluated_on) for seed, trial in found.items()
                }
                if split == "test":
                    # The package counts parameters and FLOPs in millions.
                    first = next(iter(found.values()))
                    costs[dataset, "parameters"][position] = round(first.params * 1e6)
                    costs[dataset, "flops"][position] = round(first.flop * 1e6)
    return GroundTruth(
        path.stem,
        {
            dataset: Accuracies(
                test=_means(trials[dataset, "test"]),
                valid=_means(trials[dataset, "valid"]),
                trials=_table_of(trials[dataset, "test"]),
                parameters=costs[dataset, "parameters"],
                flops=costs[dataset, "flops"],
            )
            for dataset in SPLITS
        },
        _index_of(positions),
    )


def _unpickled(path: Path) -> Any:
    """The content of a torch file, in C speed, without running anything that a table does not need."""
    import torch

    class OnlyData(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            module = {"__builtin__": "builtins"}.get(module, module).replace("numpy.core.", "numpy._core.")
            if name not in _ALLOWED.get(module, ()):
                raise DataError(
                    f"{path} is not the official NAS-Bench-201 file: it wants to run {module}.{name}, and a table of"
                    " results needs nothing of the kind; nothing was run."
                )
            return super().find_class(module, name)

    def load(file: Any, **options: Any) -> Any:
        return OnlyData(file, **options).load()

    only_data = types.SimpleNamespace(
        __name__="only_data", Unpickler=OnlyData, load=load, UnpicklingError=pickle.UnpicklingError
    )
    # The collector would walk hundreds of millions of new containers again and again, and find no garbage.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return torch.load(
            path, map_location="cpu", pickle_module=only_data, weights_only=False, mmap=zipfile.is_zipfile(path)
        )
    except (
        pickle.UnpicklingError,
        EOFError,
        RuntimeError,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        OSError,
    ) as error:
        raise DataError(
            f"{path} is truncated, damaged, or not the official NAS-Bench-201 file ({type(error).__name__}: {error})."
        ) from error
    finally:
        if collecting:
            gc.enable()


def _positions(path: Path, strings: Any) -> list[int]:
    """Position in space order of each index of the file; refuses malformed, duplicated and missing architectures."""
    seen: dict[int, int] = {}
    for index, text in enumerate(strings):
        try:
            position = code(parse(text))
        except (ValueError, AttributeError) as error:
            raise DataError(f"{path}, architecture {index}: {error}.") from error
        if position in seen:
            raise DataError(f"{path}, architecture {index}: {text} stands already at {seen[position]}.")
        seen[position] = index
    refuse_missing(path, seen)
    return list(seen)


def _trials(where: str, results: Any, trained_on: str) -> dict[int, Any]:
    """The package's record of each training on one data set, by seed."""
    if not results.dataset_seed.get(trained_on):
        raise DataError(f"{where}: no training on {trained_on} is stored; the file is not the whole table.")
    found: dict[int, Any] = results.query(trained_on)
    for seed, trial in found.items():
        if trial.epochs != EPOCHS:
            raise DataError(f"{where}: seed {seed} on {trained_on} was trained {trial.epochs} epochs, not {EPOCHS}.")
    return found


def _accuracy(where: str, trial: Any, evaluated_on: str) -> float:
    """Accuracy of one training after its last epoch, %."""
    key = f"{evaluated_on}@{EPOCHS - 1}"
    if key not in trial.eval_acc1es:
        raise DataError(f"{where}: seed {trial.seed} on {trial.name} was not evaluated on {evaluated_on}.")
    return float(trial.eval_acc1es[key])


def _means(trials: list[dict[int, float]]) -> np.ndarray:
    return np.array([np.mean(list(by_seed.values())) for by_seed in trials])


def _table_of(trials: list[dict[int, float]]) -> np.ndarray:
    """[15625, T], one column per seed that any architecture was trained with, nan where one was not."""
    seeds = sorted({seed for by_seed in trials for seed in by_seed})
    return np.array([[by_seed.get(seed, np.nan) for seed in seeds] for by_seed in trials])


def _index_of(positions: list[int]) -> np.ndarray:
    index = np.empty(N_ARCHITECTURES, dtype=np.int64)
    index[positions] = np.arange(N_ARCHITECTURES)
    return index
