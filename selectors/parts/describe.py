"""Generates docs/methods.md, the page about all criteria, from the declarations in their files.

Run `python -m nas_selection_bench.selectors.parts.describe > docs/methods.md`.
"""

from collections.abc import Iterable, Sequence

from nas_selection_bench.selectors import proxies
from nas_selection_bench.selectors.parts import registry
from nas_selection_bench.selectors.parts.criterion import Selector
from nas_selection_bench.selectors.parts.option_texts import proxy_of
from nas_selection_bench.selectors.parts.orders import ORDERS
from nas_selection_bench.selectors.parts.proxy_variants import MAIN

INTRODUCTION = """\
# Selection criteria

Generated from the code by `python -m nas_selection_bench.selectors.parts.describe`; a test compares the two.

Every score is `[6 edges, 5 operations]`, larger = keep. B is the number of mini-batches of selection images, which are
un-augmented and the same for every criterion of a checkpoint; N, V and K are the options `proposals`, `validation` and
(of shapley) `samples`. A gap is the fine-tuning between two of the six decisions. Batch norm follows `--bn` (`batch`
statistics by default) unless the criterion, its proxy or an option `bn` prescribes otherwise. Any input that a
criterion does not declare under "reads" is withheld from it: without `trained` the network is freshly initialised,
without `alphas` the mixture is uniform, without `tuning` there are no gradient steps between decisions.

Options are part of the name: `darts-pt[order=sgas,tune=0]`. A criterion with the options `order` and `tune` is a
scoring rule in the greedy schedule: edges are decided one at a time, in the given order, with `tune` epochs of
fine-tuning between decisions (`preset`: as many as the preset sets). The rule sees only its own inputs: an edge order
that reads the alphas does not pass them to a rule that reads none. A rule that scores an untrained network cannot be
combined with fine-tuning. `none=no` leaves the scores unchanged but never chooses `none`; rules for which `none` cannot
score best have no such option.
"""


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def selector_row(name: str, selector: Selector) -> list[str]:
    """The row of one criterion in the table of criteria."""
    options = ", ".join(f"`{option}={value}`" for option, value in selector.spelled().items())
    texts = selector.declared()
    return [
        f"`{name}`", selector.paper, texts["score"], texts["keeps"], texts["reads"], options, texts["passes"],
        texts["differs"],
    ]  # fmt: skip


def page() -> str:
    """The whole page, in Markdown."""
    found = {name: registry.find(name) for name in registry.names()}
    own = {name: proxy_of(selector) for name, selector in found.items()}
    main = {name: found[name] for name, proxy in own.items() if proxy is None or proxy.name == MAIN}
    columns = ("name", "paper", "score", "keeps", "reads", "options", "passes", "what differs, and why")
    criteria = table(columns, (selector_row(name, s) for name, s in main.items()))
    declared = {name: proxies.find(name) for name in proxies.names()}
    scores = table(
        ("name", "paper", "score", "better", "reads", "batch norm", "what differs, and why"),
        (
            [
                f"`{name}`", p.paper, p.formula, "larger" if p.higher_is_better else "smaller",
                ", ".join(w for w, used in (("images", p.uses_images), ("labels", p.uses_labels)) if used) or "nothing",
                p.batch_norm, p.differs,
            ]
            for name, p in declared.items()
        ),
    )  # fmt: skip
    orders = table(("order", "which edge is decided next"), ([f"`{n}`", o.text] for n, o in ORDERS.items()))
    return "\n".join(
        [
            INTRODUCTION,
            "## Criteria\n",
            criteria,
            "## Edge orders\n",
            orders,
            "## Zero-cost proxies\n",
            "Each proxy defines the criteria `zero-cost-pt-PROXY` and `disc-zc-PROXY`, both also with `-post` for the"
            f" trained supernet, and `zero-cost-rank-PROXY` (with `-` for `_`; those of {MAIN} have no suffix).\n",
            scores,
        ]
    )


if __name__ == "__main__":
    print(page(), end="")
