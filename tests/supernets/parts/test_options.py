"""Senseless options are refused before any training, in one sentence that names the recipe."""

from dataclasses import fields

import pytest

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.supernets.parts.registry import find, names, recipes

REFUSED = {
    "balenas": ("examples=0", "examples=-1", "prior=0", "prior=nan"),
    "blank": ("skip=1", "skip=-0.1", "conv_1x1=1.5", "avg_pool=nan", "skip=0.2,conv_3x3=0.2"),
    "darts": ("alpha_rate=0", "alpha_rate=-1", "alpha_decay=-1"),
    "beta-darts": ("alpha_rate=0", "decay=-1"),
    "darts-minus": ("alpha_rate=0", "alpha_decay=-1", "beta=-3"),
    "darts-second-order": ("alpha_rate=0", "alpha_decay=-1", "epsilon=0", "epsilon=-0.01", "epsilon=nan"),
    "fair-darts": ("zero_one=-1",),
    "gdas": ("tau_min=0", "tau_min=-1", "tau_max=0.05", "tau_min=11", "tau_max=nan", "tau_min=nan"),
    "idarts": ("inner=0", "terms=-1", "epsilon=0", "epsilon=nan"),
    "importance-sampling": ("chosen=3", "chosen=-1", "draws=0", "distributions=1,draws=1"),
    "lambda-darts": ("epsilon=0", "epsilon=-0.01", "epsilon=nan"),
    "oles": ("threshold=1.1", "threshold=nan", "count=0"),
    "pc-darts": ("k=0", "warm_up=-0.1", "warm_up=1.01", "warm_up=nan"),
    "racl": ("confidence=0", "confidence=1", "confidence=90", "confidence=nan", "sigma=0", "sigma=-1", "limit=0"),
    "reinmax": ("tau=0.9", "tau=nan", "tau=inf"),
    "sdarts-adv": ("steps=0", "alpha_rate=0"),
    "sdarts-rs": ("alpha_decay=-1",),
    "sgas": ("criterion=3", "window=0", "window=8", "window=8,criterion=1", "window=0,criterion=2"),
    "snas": ("tau_min=0", "tau_min=-1", "tau_max=0.5", "tau_min=11", "tau_max=nan", "tau_min=nan"),
}
"""Recipe -> refused options; several options in one string are refused in combination."""

ACCEPTED = (
    "gdas[tau_min=10]", "snas[tau_max=1]", "pc-darts[warm_up=0]", "pc-darts[warm_up=1]", "balenas[examples=1]",
    "sgas[window=8,criterion=2]", "sgas[window=4]", "racl[confidence=0.5]", "idarts[terms=0]",
    "blank[skip=0.001]", "blank[conv_3x3=0.999]", "darts[alpha_decay=0]",
)  # fmt: skip
"""Options at the limits of what makes sense."""


@pytest.mark.parametrize("name", [f"{name}[{options}]" for name, given in REFUSED.items() for options in given])
def test_options_without_sense_are_refused(name: str) -> None:
    with pytest.raises(UsageError) as refused:
        find(name)
    message = str(refused.value)
    assert message.startswith(name.partition("[")[0]), "it names the recipe"
    assert message.endswith(".") and ". " not in message, "one sentence"


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_makes_sense_is_accepted(name: str) -> None:
    assert find(name).name == name.partition("[")[0]


@pytest.mark.parametrize("name", names())
def test_every_recipe_refuses_what_it_would_divide_by_or_count_with(name: str) -> None:
    """Includes recipes not listed above: lengths, temperatures and deviations by their names, and counts."""
    for field in fields(recipes()[name]):
        refused: tuple[str, ...] = ()
        if field.name in ("epsilon", "tau_min", "tau_max", "sigma"):
            refused = ("0", "-1", "nan")
        elif type(getattr(recipes()[name], field.name)) is int:
            refused = ("-1",)
        for value in refused:
            with pytest.raises(UsageError):
                find(f"{name}[{field.name}={value}]")
