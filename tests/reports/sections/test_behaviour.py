"""The sections on behaviour: every number of a table against the records."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nas_selection_bench.bench.problem.accuracies import Accuracies
from nas_selection_bench.bench.problem.space import all_architectures, code, parse
from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.bench.yardsticks.comparisons import Verdict
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.data.results import Results
from nas_selection_bench.reports.sections.behaviour import bias_section, cost_section, transfer_section
from nas_selection_bench.reports.sections.blocks import Section, Table
from tests.reports.synthetic import write_results


@pytest.fixture(scope="module")
def source(results: Results, table: GroundTruth, tmp_path_factory: pytest.TempPathFactory) -> Material:
    return Material(results, table, tmp_path_factory.mktemp("figures"))


def table_of(section: Section, name: str) -> Table:
    return next(block for block in section.blocks if isinstance(block, Table) and block.name == name)


def rows_of(table: Table) -> dict[str, dict[str, str]]:
    titles = [column.title for column in table.columns]
    return {row.cells[0].text: dict(zip(titles, (c.text for c in row.cells), strict=True)) for row in table.rows}


def test_size_and_accuracy_are_compared_over_the_same_selections(source: Material, table: GroundTruth) -> None:
    bias = table_of(bias_section(source), "bias-cifar10")
    frame = source.results.final
    places = frame.index[(frame["dataset"] == "cifar10") & (frame["method"] == "ostr")]
    cells = all_architectures()
    expected = {}
    for name, values in (("parameters", table.parameters("cifar10")), ("test accuracy", table.accuracy("cifar10"))):
        taus = []
        for place in places:
            standard = stats.zscore(source.results.scores[place], axis=1)
            taus.append(stats.kendalltau(sum(standard[e, cells[:, e]] for e in range(6)), values).statistic)
        expected[name] = np.mean(taus)
    shown = rows_of(bias)["ostr"]
    assert shown["n"] == str(len(places)) == "6"
    for name, tau in expected.items():
        assert float(shown[name].replace("−", "-")) == pytest.approx(tau, abs=0.006)
    counted = [row for name, row in rows_of(bias).items() if name != "test accuracy itself"]
    larger = sum(
        float(r["parameters"].replace("−", "-")) > float(r["test accuracy"].replace("−", "-")) for r in counted
    )
    assert re.findall(r"(\d+) of (\d+) selectors", bias.caption) == [(str(larger), str(len(counted)))]
    # The invented FLOPs are linear in the parameters.
    assert "FLOPs" not in shown and "FLOPs" in bias.caption


def test_size_is_there_where_the_table_holds_none(results: Results, table: GroundTruth, tmp_path: Path) -> None:
    bare = GroundTruth("bare", {name: Accuracies(test=table.accuracy(name)) for name in table.datasets})
    bias = table_of(bias_section(Material(results, bare, tmp_path)), "bias-cifar10")
    whole = table_of(bias_section(Material(results, table, tmp_path)), "bias-cifar10")
    # The invented parameter count is linear in the weights of the convolutions.
    assert rows_of(bias)["ostr"]["convolution weights"] == rows_of(whole)["ostr"]["parameters"]
    assert "The table holds no sizes" in bias.caption and "FLOPs" not in bias.caption


def test_memory_of_the_whole_process_is_not_called_a_selections(source: Material, tmp_path: Path) -> None:
    costs = table_of(cost_section(source), "costs-cifar10")
    assert not any("memory" in column.title for column in costs.columns)
    assert "Peak memory" not in costs.caption, "there is no column that it could explain"
    rows = source.results.rows.assign(device="cuda", peak_memory_bytes=3 * 2**20)
    on_gpu = Material(replace(source.results, rows=rows), source.table, tmp_path)
    shown = table_of(cost_section(on_gpu), "costs-cifar10")
    assert {row["peak memory, MiB"] for row in rows_of(shown).values()} == {"3"}
    assert "Peak memory" not in shown.caption
    some = rows.assign(device=rows["device"].mask(rows["method"] == "ostr", "cpu"))
    mixed = table_of(
        cost_section(Material(replace(source.results, rows=some), source.table, tmp_path)), "costs-cifar10"
    )
    assert rows_of(mixed)["ostr"]["peak memory, MiB"] == "–"
    assert "Peak memory" in mixed.caption


def test_every_member_of_the_pareto_front_is_in_the_table(table: GroundTruth, tmp_path: Path) -> None:
    """Forty criteria in their main form fill the focus; the cheapest criterion is the worst of all."""
    many = {f"criterion{i:02}": (0.1 * i, 0.3, 0.0, 0.5, 1, 5.0 + i) for i in range(40)}
    many["cheap"] = (-2.0, -2.0, 0.0, 0.1, 1, 0.001)
    out = write_results(tmp_path / "out", table, datasets=("cifar10",), recipes=("darts",), epochs=(3,), seeds=12,
                        selectors=many, failures=False, ranking=False)  # fmt: skip
    source = Material(Results.read(out), table, tmp_path / "figures")
    assert "cheap" not in source.focus("cifar10")
    costs = table_of(cost_section(source), "costs-cifar10")
    assert rows_of(costs)["cheap"]["Pareto"] == "yes"
    means = source.results.final.groupby("method")[["scoring_seconds", "test"]].mean()
    points = dict(zip(means.index, means.to_numpy().tolist(), strict=True))
    front = {
        name
        for name, (seconds, test) in points.items()
        if not any(s <= seconds and t >= test for other, (s, t) in points.items() if other != name)
    }
    assert {name for name, row in rows_of(costs).items() if row["Pareto"]} == front


@pytest.mark.parametrize(("here", "there"), [("cifar10", "cifar100"), ("cifar100", "cifar10")])
def test_choices_are_looked_up_on_the_other_data_set(
    source: Material, table: GroundTruth, folder: Path, here: str, there: str
) -> None:
    section = transfer_section(source)
    assert section is not None
    shown = table_of(section, f"transfer-{here}-{there}")
    columns = [column.title for column in shown.columns]
    told = {row.cells[0].text: dict(zip(columns, [cell.text for cell in row.cells], strict=True)) for row in shown.rows}
    rows = pd.read_csv(folder / "records.csv")
    rows = rows[(rows["state"] == "done") & (rows["dataset"] == here) & (rows["epoch"] == 10)]
    floors = {yardstick.name: yardstick for yardstick in source.all_yardsticks[there]}
    assert told.keys() == {*rows["selector"], *floors}
    accuracy = table.accuracy(there)
    for name in ("ostr", "darts-pt-loss"):  # with one and two selector seeds, which are averaged first
        of = rows[rows["selector"] == name]
        reached = of.assign(there=[accuracy[code(parse(text))] for text in of["architecture"]])
        per_seed = reached.groupby(["recipe", "supernet_seed"])["there"].mean()
        mean = per_seed.groupby("recipe").mean().mean()
        assert (told[name]["test %"], told[name]["n"]) == (f"{mean:.2f}", str(len(per_seed)))
        assert told[name]["regret"] == f"{accuracy.max() - mean:.2f}"
        assert told[name]["against constant-order"].partition(" ")[2] in set(Verdict)
    assert told["random-conv"]["test %"] == f"{floors['random-conv'].test:.2f}"
    order = [float(row.cells[1].text) for row in shown.rows]
    assert order == sorted(order, reverse=True)
