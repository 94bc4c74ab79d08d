"""Architecture selection criteria compared on the same NAS-Bench-201 supernets.

The public names (docs/python.md) are attributes of this package. Each is imported on first use, so that `import
nas_selection_bench` is quick. `__init__.pyi` declares the same names for editors and type checkers.
"""

from nas_selection_bench.version import __version__

_PUBLIC = {
    # Run the benchmark and read its results.
    "run": "from_python:run",
    "load_results": "reports.data.stored:load_results",
    "StoredResults": "reports.data.stored:StoredResults",
    # The ground truth, and measures of a selection.
    "GroundTruth": "bench.problem.table:GroundTruth",
    "open_table": "bench.problem.open_table:open_table",
    "embedded_table": "bench.problem.open_table:embedded_table",
    "OPERATIONS": "bench.problem.space:OPERATIONS",
    "EDGES": "bench.problem.space:EDGES",
    "EDGE_NAMES": "bench.problem.space:EDGE_NAMES",
    "parse": "bench.problem.space:parse",
    "to_string": "bench.problem.space:to_string",
    "Truth": "bench.yardsticks.truth:Truth",
    "measure": "bench.yardsticks.measures:measure",
    "oracle": "bench.yardsticks.oracle:oracle",
    "floors_and_ceilings": "bench.yardsticks.floors:floors_and_ceilings",
    # Zero-cost proxies, for any network.
    "score": "selectors.proxies:score",
    "proxy_names": "selectors.proxies:names",
    "ProxyFailure": "selectors.proxies:ProxyFailure",
    # The weight-sharing network.
    "Supernet": "supernets.network.supernet:Supernet",
    # For writing a selection criterion.
    "Rule": "selectors.parts.criterion:Rule",
    "Greedy": "selectors.parts.schedule:Greedy",
    "Selector": "selectors.parts.criterion:Selector",
    "Needs": "selectors.parts.needs:Needs",
    "Search": "selectors.parts.view:Search",
    "take_best": "selectors.parts.ranking:take_best",
    "gate_gradients": "selectors.parts.gates:gate_gradients",
    "look_at_features": "selectors.parts.features:look_at_features",
    "sample_uniformly": "selectors.parts.ranking:sample_uniformly",
    "Selection": "bench.problem.selection:Selection",
    "Decision": "bench.problem.selection:Decision",
    "Ranking": "bench.problem.selection:Ranking",
    # For writing a training recipe.
    "Recipe": "supernets.parts.recipe:Recipe",
    "Mixing": "supernets.parts.recipe:Mixing",
    "SupernetState": "supernets.parts.recipe:SupernetState",
    # For writing a stopping rule.
    "StoppingRule": "reports.stopping._rule:StoppingRule",
    "Course": "reports.data.courses:Course",
    "NotStored": "reports.data.courses:NotStored",
    # Options of methods: a field declared with `option` can be set by name.
    "option": "bench.work.options:option",
    "number": "bench.work.options:number",
    "whole": "bench.work.options:whole",
    "positive": "bench.work.options:positive",
    "not_negative": "bench.work.options:not_negative",
    "or_preset": "bench.work.options:or_preset",
    "at_least": "bench.work.options:at_least",
    "above": "bench.work.options:above",
    "between": "bench.work.options:between",
    "yes_or_no": "bench.work.options:yes_or_no",
    "one_of": "bench.work.options:one_of",
    "share": "bench.work.options:share",
    "inside": "bench.work.options:inside",
    "or_all": "bench.work.options:or_all",
    # Exceptions.
    "BenchError": "bench.errors:BenchError",
    "UsageError": "bench.errors:UsageError",
    "DataError": "bench.errors:DataError",
    "MissingData": "bench.errors:MissingData",
    "SkipCell": "bench.errors:SkipCell",
}
"""Public name -> module and attribute that define it."""

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pkgutil import resolve_name

    value = globals()[name] = resolve_name(f"{__name__}.{_PUBLIC[name]}")
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
