"""Adapts the descriptions of a selector to options that are not the default.

The file of a selector describes its default options. A stored text must not contradict the options in the selector's
name, so each option that changes something is added to the text, with its help.
"""

import re
from collections.abc import Mapping, Sequence

from nas_selection_bench.bench.work.options import Choice, Configurable, Number, OrWord, Switch, as_text
from nas_selection_bench.selectors import proxies

GAPS = "5 gaps of fine-tuning"
"""End of `passes` in a file whose default fine-tunes between decisions."""

WITH_TUNING = " with fine-tuning"
"""End of `formula` in such a file."""

ON_AN_EDGE = "on the edge"
"""Part of `formula` in a file whose formula also describes the edge order."""

SCHEDULE = {"order", "tune", "none"}
"""Options of the greedy schedule, which determine how a score is used, not the score itself."""


def with_options(selector: Configurable, asked: Mapping[str, str], texts: Mapping[str, str]) -> dict[str, str]:
    """The default descriptions `texts` (score, keeps, passes, differs), adapted to the options in `asked`.

    Any option may change the score, except those of the schedule, and those of the proxy, which appear in the proxy's
    name. Choices and switches may change what is kept. Numbers and the edge order may change the number of passes.
    """
    own = proxy_of(selector)
    described_elsewhere = {"tune", *(own.options() if own else ())}
    converters, helps = selector.converters(), {name: text for name, (_, text) in selector.options().items()}
    score, keeps, passes = [], [], []
    for name, value in asked.items():
        here, convert = f"{name}={value} ({helps[name]})", converters.get(name)
        if name in described_elsewhere:
            continue
        if name not in SCHEDULE or (name == "order" and ON_AN_EDGE in texts["score"]):
            score.append(here)
        if isinstance(convert, Choice | Switch) and name != "order":
            keeps.append(f"{name}={value}")
        if isinstance(convert, Number | OrWord) or (name == "order" and texts["passes"] != "0"):
            passes.append(here)
    every = ", ".join(f"{name}={value}" for name, value in asked.items())
    differs = f"{texts['differs']} (this describes the default options; here {every})" if every else texts["differs"]
    return {
        "score": _here(named(texts["score"], own), score), "keeps": _here(texts["keeps"], keeps),
        "passes": _here(texts["passes"], passes), "differs": differs,
    }  # fmt: skip


def _here(text: str, clauses: Sequence[str]) -> str:
    """The text of the default, followed by the options that change it."""
    return f"{text} by default; here {', '.join(clauses)}" if clauses else text


def proxy_of(selector: Configurable) -> proxies.Proxy | None:
    """The proxy of a selector or of its rule, None if there is none."""
    found = [selector, *selector.parts().values()]
    return next((proxy for part in found if isinstance(proxy := getattr(part, "proxy", None), proxies.Proxy)), None)


def named(score: str, proxy: proxies.Proxy | None) -> str:
    """The score with the proxy's name spelled with its current options."""
    if proxy is None:
        return score
    return re.sub(rf"\b{proxy.name}(\[[^\]]*\])?(?=\()", lambda _: proxies.spelled(proxy), score, count=1)


def without_tuning(texts: Mapping[str, str], order: str) -> dict[str, str]:
    """The texts of a file without any mention of tuning between decisions."""
    score, passes = texts["score"], texts["passes"]
    if passes.endswith(GAPS):
        passes = passes.removesuffix(GAPS).removesuffix(" and ") or "0"
    if score.endswith(WITH_TUNING):
        score = score.removesuffix(WITH_TUNING)
        score = score.removesuffix(", edge by edge") if order == "once" else score
    return {**texts, "score": score, "passes": passes}


def with_tuning(texts: Mapping[str, str], of_file: Mapping[str, str], tune: int | None) -> dict[str, str]:
    """The texts with `tune` epochs of fine-tuning between decisions (None: the preset's); `of_file`: the file's."""
    gaps = GAPS if tune is None else f"5 gaps of {as_text(tune)} epochs of fine-tuning"
    passes, score = texts["passes"], texts["score"]
    joint = "; " if ";" in passes else " and "
    passes = gaps if passes == "0" else f"{passes}{joint}{gaps}"
    score = f"{score}{WITH_TUNING}" if of_file["score"].endswith(WITH_TUNING) else score
    return {**texts, "score": score, "passes": passes}
