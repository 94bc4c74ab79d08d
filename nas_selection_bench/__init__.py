"""Architecture selection criteria compared on the same NAS-Bench-201 supernets.

Everything public is an attribute of this package (docs/python.md), imported when it is first asked for, so that
`import nas_selection_bench` is quick. `__init__.pyi` says the same to editors and type checkers.
"""

from nas_selection_bench.version import __version__

_PUBLIC = {
    # Run the benchmark and read what it left.
    "run": "from_python:run",
    "load_results": "reports.data.stored:load_results",
    "StoredResults": "reports.data.stored:StoredResults",
    # The ground truth, and what an answer is worth.
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
    # Zero-cost proxies, of any network.
    "score": "selectors.proxies:score",
    "proxy_names": "selectors.proxies:names",
    "ProxyFailure": "selectors.proxies:ProxyFailure",
    # The weight-sharing network.
    "Supernet": "supernets.network.supernet:Supernet",
    # What a selection criterion is written with.
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
    # What a training recipe is written with.
    "Recipe": "supernets.parts.recipe:Recipe",
    "Mixing": "supernets.parts.recipe:Mixing",
    "SupernetState": "supernets.parts.recipe:SupernetState",
    # What a stopping rule is written with.
    "StoppingRule": "reports.stopping._rule:StoppingRule",
    "Course": "reports.data.courses:Course",
    "NotStored": "reports.data.courses:NotStored",
    # Options of methods: a field made by `option` can be set by name.
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
    # What is raised.
    "BenchError": "bench.errors:BenchError",
    "UsageError": "bench.errors:UsageError",
    "DataError": "bench.errors:DataError",
    "MissingData": "bench.errors:MissingData",
    "SkipCell": "bench.errors:SkipCell",
}
"""Where each public name is defined."""

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pkgutil import resolve_name

    value = globals()[name] = resolve_name(f"{__name__}.{_PUBLIC[name]}")
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
