"""Sorting of criteria into main forms and schemes x proxies: `zero-cost-pt-zen` is zero-cost-pt with the proxy zen.

Names alone decide, so that user-defined criteria are sorted too: a name that at least FEWEST other names extend is a
scheme, and their suffixes are the proxies. `-post` belongs to the scheme: the same scheme on the trained supernet.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FEWEST = 3
"""Fewest variants that make a name a scheme."""
POST = "-post"
_SCORED_BY = re.compile(r"^-?([a-z][a-z0-9_]*)[\[(]")
"""Pattern of the proxy in a declared score such as `-nwot[reached=false](supernet without o on e)`."""


@dataclass(frozen=True)
class Schemes:
    """The criteria of a run as main forms and schemes x proxies."""

    main: list[str]
    """The criteria that belong to no scheme, in the order given."""
    members: dict[str, dict[str, str]]
    """Scheme -> proxy -> criterion."""

    @property
    def proxies(self) -> list[str]:
        """All proxies without repetition, in the order of the schemes."""
        return list(dict.fromkeys(proxy for of in self.members.values() for proxy in of))


def schemes(names: Sequence[str], declared: Mapping[str, Mapping[str, str]]) -> Schemes:
    """`names` sorted into main forms and schemes; `declared` (methods.json) gives the default proxy of a scheme."""
    found: dict[str, dict[str, str]] = {}
    trained = {f"{name}{POST}" for name in names if not name.endswith(POST)}  # schemes that need not be criteria
    for base in sorted({*names, *trained}, key=lambda name: (-len(name), name)):
        post = base.endswith(POST)
        stem = base.removesuffix(POST)
        members = {
            name.removesuffix(POST)[len(stem) + 1 :]: name
            for name in names
            if name != base and name.startswith(f"{stem}-") and name.endswith(POST) == post and "[" not in name
        }
        taken = {name for of in found.values() for name in of.values()}
        members = {proxy: name for proxy, name in members.items() if proxy and name not in taken and proxy != "post"}
        if len(members) >= FEWEST and base not in taken:
            own = {_own_proxy(declared.get(base, {})): base} if base in names else {}
            found[base] = {**own, **members}
    placed = {name for of in found.values() for name in of.values()}
    ordered = {scheme: found[scheme] for scheme in sorted(found)}
    return Schemes([name for name in names if name not in placed], ordered)


def _own_proxy(declared: Mapping[str, str]) -> str:
    match = _SCORED_BY.match(declared.get("score", ""))
    return match[1].replace("_", "-") if match else "its own"
