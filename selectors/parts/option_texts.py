"""The descriptions of a selector whose options are not the default, so that no stored text contradicts its name.

The files describe their defaults. What an option changes there stands beside them, in the option's own words.
"""

import re
from collections.abc import Mapping, Sequence

from nas_selection_bench.bench.work.options import Choice, Configurable, Number, OrWord, Switch, as_text
from nas_selection_bench.selectors import proxies

GAPS = "5 gaps of tuning"
"""In the passes of a file whose default tunes between decisions."""

WITH_TUNING = " with fine-tuning"
"""In its score."""

ON_AN_EDGE = "on the edge"
"""In the score of a file that is about the order of the edges."""

SCHEDULE = {"order", "tune", "none"}
"""Options of the greedy schedule: how a score is used, not what it is."""


def with_options(selector: Configurable, asked: Mapping[str, str], texts: Mapping[str, str]) -> dict[str, str]:
    """`texts` (score, keeps, passes, differs) of the default, made those of the options `asked` for.

    Every option can change a score, but for those of the schedule and of the proxy, whose name tells them; choices can
    change what is kept; numbers, and the order of the edges, how much is computed.
    """
    own = proxy_of(selector)
    told_otherwise = {"tune", *(own.options() if own else ())}
    converters, helps = selector.converters(), {name: text for name, (_, text) in selector.options().items()}
    score, keeps, passes = [], [], []
    for name, value in asked.items():
        here, convert = f"{name}={value} ({helps[name]})", converters.get(name)
        if name in told_otherwise:
            continue
        if name not in SCHEDULE or (name == "order" and ON_AN_EDGE in texts["score"]):
            score.append(here)
        if isinstance(convert, Choice | Switch) and name != "order":
            keeps.append(f"{name}={value}")
        if isinstance(convert, Number | OrWord) or (name == "order" and texts["passes"] != "0"):
            passes.append(here)
    every = ", ".join(f"{name}={value}" for name, value in asked.items())
    differs = f"{texts['differs']} (said of the default options; here {every})" if every else texts["differs"]
    return {
        "score": _here(named(texts["score"], own), score), "keeps": _here(texts["keeps"], keeps),
        "passes": _here(texts["passes"], passes), "differs": differs,
    }  # fmt: skip


def _here(text: str, clauses: Sequence[str]) -> str:
    """The text of the default, with what differs from it."""
    return f"{text} by default; here {', '.join(clauses)}" if clauses else text


def proxy_of(selector: Configurable) -> proxies.Proxy | None:
    """The proxy by which a selector scores, itself or in its rule; None of one that has none."""
    found = [selector, *selector.parts().values()]
    return next((proxy for part in found if isinstance(proxy := getattr(part, "proxy", None), proxies.Proxy)), None)


def named(score: str, proxy: proxies.Proxy | None) -> str:
    """The score with its proxy's options as they are."""
    if proxy is None:
        return score
    return re.sub(rf"\b{proxy.name}(\[[^\]]*\])?(?=\()", lambda _: proxies.spelled(proxy), score, count=1)


def without_tuning(texts: Mapping[str, str], order: str) -> dict[str, str]:
    """The texts of a file without what it says of tuning between decisions."""
    score, passes = texts["score"], texts["passes"]
    if passes.endswith(GAPS):
        passes = passes.removesuffix(GAPS).removesuffix(" and ") or "0"
    if score.endswith(WITH_TUNING):
        score = score.removesuffix(WITH_TUNING)
        score = score.removesuffix(", edge by edge") if order == "once" else score
    return {**texts, "score": score, "passes": passes}


def with_tuning(texts: Mapping[str, str], of_file: Mapping[str, str], tune: int | None) -> dict[str, str]:
    """The texts with the tuning between decisions, as it is; `of_file` is what the file said of it."""
    gaps = GAPS if tune is None else f"5 gaps of {as_text(tune)} epochs of tuning"
    passes, score = texts["passes"], texts["score"]
    joint = "; " if ";" in passes else " and "
    passes = gaps if passes == "0" else f"{passes}{joint}{gaps}"
    score = f"{score}{WITH_TUNING}" if of_file["score"].endswith(WITH_TUNING) else score
    return {**texts, "score": score, "passes": passes}
