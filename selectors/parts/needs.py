"""`Needs`, the declaration of the inputs that a criterion reads."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Needs:
    """The inputs that a criterion reads. All others are withheld from it, so it reads no more than it declares."""

    trained: bool = False
    """The trained weights of the supernet; if False, the network is freshly initialised."""
    alphas: bool = False
    """The architecture parameters; if False, the mixture is uniform."""
    images: bool = False
    """Images of the selection half."""
    labels: bool = False
    """Labels of the selection half."""
    tuning: bool = False
    """Gradient steps on the weights half between decisions."""

    def __or__(self, other: Needs) -> Needs:
        return Needs(**{f.name: getattr(self, f.name) or getattr(other, f.name) for f in fields(self)})

    def names(self) -> tuple[str, ...]:
        """The names of the declared inputs, in the order of the fields."""
        return tuple(f.name for f in fields(self) if getattr(self, f.name))
