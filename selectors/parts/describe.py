"""The page about all criteria, made from what their files declare.

Made by `python -m nas_selection_bench.selectors.parts.describe`.
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

Made from the code by `python -m nas_selection_bench.selectors.parts.describe`; a test compares the two.

Every score is `[6 edges, 5 operations]`, larger = keep. B is the number of mini-batches of selection images, which are
un-augmented and the same for every criterion of a checkpoint. Batch norm is as `--bn` says (`batch` statistics by
default) unless the criterion, its proxy or an option `bn` prescribes its own. What a criterion does not declare under
"reads" is withheld from it: without `trained` the network is freshly initialised, without `alphas` the mixture is
uniform.

Options are part of the name: `darts-pt[order=sgas,tune=0]`. A criterion with the options `order` and `tune` is a
scoring rule in the greedy schedule: edges are decided one after the other in an order, with epochs of fine-tuning
between decisions (`preset`: as many as the preset says). The rule scores what it reads itself: an order that looks at
alphas does not give them to a rule that reads none, and a rule that scores an untrained network cannot be tuned.
`none=no` leaves the scores as they are and never decides for `none`; where that cannot score best there is no such
option.
"""


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def selector_row(name: str, selector: Selector) -> list[str]:
    """One criterion: what it is, what it reads, what it costs."""
    options = ", ".join(f"`{option}={value}`" for option, value in selector.spelled().items())
    texts = selector.declared()
    return [
        f"`{name}`", selector.paper, texts["score"], texts["keeps"], texts["reads"], options, texts["passes"],
        texts["differs"],
    ]  # fmt: skip


def page() -> str:
    """The whole page."""
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
            "Each gives a `zero-cost-pt-PROXY` and a `disc-zc-PROXY`, both with `-post` for the trained supernet, and a"
            f" `zero-cost-rank-PROXY` (with `-` for `_`; {MAIN} is the one without a suffix).\n",
            scores,
        ]
    )


if __name__ == "__main__":
    print(page(), end="")
