"""The section on the factorial: its tables agree with the analysis."""

import numpy as np
import pytest

from nas_selection_bench.bench.problem.table import GroundTruth
from nas_selection_bench.reports.data.factorial import Design, analysed, design
from nas_selection_bench.reports.data.material import Material
from nas_selection_bench.reports.sections.blocks import Table
from nas_selection_bench.reports.sections.factorial import factorial_section, summary_sentence
from tests.reports.synthetic import source_of

STRENGTHS = {"disc-acc": (-1.0, 0.0, 0.5, 1.0), "ostr": (0.8, 0.5, 0.0, 0.9), "darts-pt-loss": (1.2, 0.6, 0.2, 1.0)}
NAMES = {
    name if (order, tune) == ("random", "preset") and name.startswith("darts") else f"{name}[{options}]": (*how, 1, 1.0)
    for name, how in STRENGTHS.items()
    for order in ("fixed", "random")
    for tune in ("0", "preset")
    for options in [f"order={order},tune={tune}"]
}


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory, table: GroundTruth) -> Material:
    out = tmp_path_factory.mktemp("factorial") / "out"
    return source_of(out, table, recipes=("darts", "b"), seeds=4, selectors=NAMES)


def test_the_tables_hold_the_analysis(crossed: Material) -> None:
    section = factorial_section(crossed)
    assert section is not None
    terms_table, effects_table = (block for block in section.blocks if isinstance(block, Table))
    found = design(crossed.results.final_of("cifar10"))
    assert found is not None and len(found.blocks) == 8 and found.values.shape == (8, 3, 2, 2)
    terms = analysed(found)
    assert [row.cells[0].text for row in terms_table.rows] == [" × ".join(term.factors) for term in terms]
    expected = ["<0.001" if term.p < 0.001 else f"{term.p:.3f}" for term in terms]
    assert [row.cells[2].text for row in terms_table.rows] == expected
    shown = {(r.cells[0].text, r.cells[1].text): r.cells[2].text.replace("−", "-") for r in effects_table.rows}
    for term in terms[:-1]:
        for effect in term.effects:
            text = shown[" × ".join(term.factors), " × ".join(effect.levels)]
            assert float(text) == pytest.approx(effect.mean, abs=0.00501)
    assert shown.keys() and not any(name.count("×") == 2 for name, _ in shown), "three-way cells are too many to read"


def test_there_is_no_section_without_a_factorial(source: Material) -> None:
    assert factorial_section(source) is None


def test_a_design_that_shows_nothing_is_a_sentence() -> None:
    """Every checkpoint has the same value for all combinations: no effect, and no division by zero."""
    values = np.repeat(np.arange(4.0), 12).reshape(4, 3, 2, 2)
    found = Design((("a", "b", "c"), ("x", "y"), ("-", "+")), tuple(("s", i) for i in range(4)), values)
    assert "No effect" in summary_sentence(found, analysed(found))
