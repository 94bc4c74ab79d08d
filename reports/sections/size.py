"""The size of the experiment in words, since results of small supernets are not comparable with the papers'."""

from collections.abc import Iterable

from nas_selection_bench.bench.errors import counted, joined
from nas_selection_bench.reports.data.results import Results
from nas_selection_bench.reports.data.text import number


def presets(results: Results, dataset: str) -> list[str]:
    """The presets behind the results on a data set."""
    return _different(results.rows.loc[results.rows["dataset"] == dataset, "preset"])


def presets_said(results: Results, dataset: str) -> str:
    """`preset lite`, or `presets digits, lite and paper`."""
    names = presets(results, dataset)
    return f"preset{'s' * (len(names) > 1)} {joined(names)}"


def size(results: Results, dataset: str) -> str:
    """`preset lite, 8 channels, 1 cell per stage, 10 epochs on 10,000 images`, as far as run.json holds it.

    There are no epochs if nothing was trained.
    """
    names = presets(results, dataset)
    said = [presets_said(results, dataset)]
    settings = results.run.get("settings", {}).get(dataset, {})
    if names == [settings.get("preset")]:
        said += [counted(settings["channels"], "channel"), f"{counted(settings['cells'], 'cell')} per stage"]
        images = "all images" if settings["images"] is None else f"{settings['images']:,} images"
        said.append(images if untrained(results, dataset) else f"{counted(settings['epochs'], 'epoch')} on {images}")
    return ", ".join(said)


def untrained(results: Results, dataset: str) -> bool:
    """Whether none of the methods that chose on a data set read a supernet, so that none had to be trained."""
    return {*results.final_of(dataset)["method"]} <= results.checkpoint_free


def supernet_accuracy(results: Results, dataset: str) -> str:
    """`30–45 %`: the range of the supernets' accuracy at selection; empty if no record has it."""
    final = results.final_of(dataset)
    accuracies = final["supernet_accuracy"].dropna().tolist() if "supernet_accuracy" in final else []
    if not accuracies:
        return ""
    ends = _different(number(value, 0) for value in (min(accuracies), max(accuracies)))
    return f"{'–'.join(ends)} %"


def _different(values: Iterable[object]) -> list[str]:
    """Each value once, as text, in the order of its first occurrence."""
    return list(dict.fromkeys(map(str, values)))
