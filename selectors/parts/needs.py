"""The inputs of a criterion, by its own declaration."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Needs:
    """The inputs of a criterion. Others are withheld from it, so the declaration is true."""

    trained: bool = False
    """The weights of the trained supernet; without it the network is freshly initialised."""
    alphas: bool = False
    """The architecture parameters; without it the mixture is uniform."""
    images: bool = False
    """Images of the selection half."""
    labels: bool = False
    """Their labels."""
    tuning: bool = False
    """Gradient steps on the weights half between decisions."""

    def __or__(self, other: Needs) -> Needs:
        return Needs(**{f.name: getattr(self, f.name) or getattr(other, f.name) for f in fields(self)})

    def names(self) -> tuple[str, ...]:
        """The names of what is needed, in the order of the fields."""
        return tuple(f.name for f in fields(self) if getattr(self, f.name))
