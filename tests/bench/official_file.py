"""Small stand-ins for the official NAS-Bench-201 file, built from the official package's classes."""

from functools import cache
from typing import Any

from nas_selection_bench.bench.problem.space import N_ARCHITECTURES, architecture_of, to_string

EPOCHS = 200
POOL = 40
"""Distinct trainings per data set and seed, shared by the architectures so that the file is quick to make."""

EVALUATED_ON = {
    "cifar10-valid": ("x-valid", "ori-test"),
    "cifar10": ("ori-test",),
    "cifar100": ("x-valid", "x-test", "ori-test"),
    "ImageNet16-120": ("x-valid", "x-test", "ori-test"),
}
DATASETS = tuple(EVALUATED_ON)


def string_at(index: int) -> str:
    """The architecture at an index of the file, in a shuffled order as in the official one."""
    return to_string(architecture_of(index * 7 % N_ARCHITECTURES))


def seeds_of(index: int) -> list[int]:
    """One to three seeds, roughly in the proportions of the official files."""
    return [777, 888, 999][: 1 + index % 3]


def accuracy_of(index: int, dataset: str, evaluated_on: str, seed: int, epoch: int = EPOCHS - 1) -> float:
    """The accuracy in the file for one training."""
    member = index * 13 % POOL
    axes = DATASETS.index(dataset) * 7 + EVALUATED_ON[dataset].index(evaluated_on) * 3
    return 20 + member + axes + (seed % 10) / 10 + epoch / 100


@cache
def _training(member: int, dataset: str, seed: int, version: str) -> dict[str, Any]:
    """The state dict of one training (ResultsCount), one object for all architectures that share it."""
    from nas_201_api import ResultsCount

    index = next(i for i in range(POOL) if i * 13 % POOL == member)
    per_epoch = dict.fromkeys(range(EPOCHS), 1.0)
    config = {"channel": 16, "num_cells": 5, "class_num": 10, "arch_str": "shared"}
    result = ResultsCount(
        dataset, None, per_epoch, per_epoch, 0.1 + member / 1e6, 15.5 + member, config, seed, EPOCHS, None
    )
    for evaluated_on in EVALUATED_ON[dataset]:
        accuracies = {e: accuracy_of(index, dataset, evaluated_on, seed, e) for e in range(EPOCHS)}
        if version == "v1_0":
            # The first version stores no times, and evaluates the whole test set only after the last epoch.
            if evaluated_on == "ori-test":
                accuracies = {EPOCHS - 1: accuracies[EPOCHS - 1]}
            result.update_OLD_eval(evaluated_on, accuracies, accuracies)
        else:
            named = {f"{evaluated_on}@{e}": accuracy for e, accuracy in accuracies.items()}
            result.update_eval(named, named, named)
    return result.state_dict()


@cache
def _trainings(member: int, seeds: tuple[int, ...], version: str) -> dict[str, Any]:
    """The fields of an architecture's results that are shared with other architectures."""
    return {
        "dataset_seed": {dataset: list(seeds) for dataset in DATASETS},
        "all_results": {
            (dataset, seed): _training(member, dataset, seed, version) for dataset in DATASETS for seed in seeds
        },
    }


def official_content(version: str) -> dict[str, Any]:
    """The dict that an official file of `version` (`v1_0` or `v1_1`) pickles."""
    from nas_201_api import ArchResults

    strings = [string_at(index) for index in range(N_ARCHITECTURES)]
    # The 12-epoch schedule must never be read: it is one empty record.
    less = ArchResults(-1, "never to be read").state_dict()
    infos = {}
    for index, string in enumerate(strings):
        state = ArchResults(index, string).state_dict()
        state.update(_trainings(index * 13 % POOL, tuple(seeds_of(index)), version))
        infos[index] = {"less": less, "full": state}
    return {
        "meta_archs": strings,
        "arch2infos": infos,
        "evaluated_indexes": set(range(N_ARCHITECTURES)),
        "total_archs": N_ARCHITECTURES,
    }
