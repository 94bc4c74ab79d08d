"""The place of each criterion in the first figure."""

from pathlib import Path

import pytest

from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.reports.data.founders import Level
from nas_selection_bench.reports.data.schemes import schemes
from nas_selection_bench.reports.sections.overview import overview
from tests.reports.synthetic import FEW, source_of

PROXIES = ("snip", "zen", "grasp")
SCORED = {"zero-cost-pt": {"score": "-nwot(supernet without o on e)"}}


@pytest.mark.parametrize("own", [["zero-cost-pt-post"], []])
def test_a_trained_scheme_is_one_where_its_own_proxy_is_not_there(own: list[str]) -> None:
    names = ["magnitude", "zero-cost-pt", *(f"zero-cost-pt-{p}{post}" for p in PROXIES for post in ("", "-post")), *own]
    declared = {**SCORED, "zero-cost-pt-post": {"score": "-nwot(supernet without o on e)"}}
    found = schemes(names, declared)
    assert found.main == ["magnitude"]
    assert list(found.members) == ["zero-cost-pt", "zero-cost-pt-post"]
    assert found.members["zero-cost-pt"] == {"nwot": "zero-cost-pt", **{p: f"zero-cost-pt-{p}" for p in PROXIES}}
    assert ("nwot" in found.members["zero-cost-pt-post"]) is bool(own)
    assert all(found.members["zero-cost-pt-post"][p] == f"zero-cost-pt-{p}-post" for p in PROXIES)


def test_main_forms_stand_in_the_list_and_every_criterion_somewhere(table: GroundTruth, tmp_path: Path) -> None:
    quality = FEW["good"]
    names = ["magnitude", "op-synflow-post", "zero-cost-pt", *(f"zero-cost-pt-{proxy}" for proxy in PROXIES)]
    selectors = dict.fromkeys(names, quality)
    source = source_of(tmp_path / "out", table, datasets=("cifar10",), selectors=selectors, seeds=2)
    found = overview(source, source.contests[0])
    listed = [entry.standing.method for entry in found.main]
    assert sorted(listed) == ["magnitude", "op-synflow-post", "zero-cost-pt"]
    placed = {entry.standing.method for of in found.matrix.values() for entry in of.values()}
    assert placed == {"zero-cost-pt", *(f"zero-cost-pt-{proxy}" for proxy in PROXIES)}
    main = [entry.standing.method for entry in found.main if entry.standing.level is not Level.EXPLORATORY]
    assert sorted(main) == ["magnitude", "zero-cost-pt"]
    assert listed == [s.method for s in source.contests[0].standings if s.method in listed], "best mean first"
