"""Prints docs/recipes.md, the page about all recipes, from their declarations.

python -m nas_selection_bench.supernets.parts.describe
"""

from nas_selection_bench.supernets.parts.recipe import Recipe
from nas_selection_bench.supernets.parts.registry import recipes

HEAD = """\
# Supernet recipes

Generated from the code by `python -m nas_selection_bench.supernets.parts.describe`; a test compares the two.

A recipe is a variation of one training loop: how architecture parameters (alphas) become edge weights, how
they are updated, and what is added to the loss or the network. Options follow the name:
`gdas[tau_max=5]`. Unless a section says otherwise, all recipes share the following:

- the weights learn on the first half of the training images, the alphas on the second, alphas first in each step
  (the code of NAS-Bench-201's authors, for `gdas`, `setn`, `rsps` and `darts-second-order`, has halves on CIFAR-10; on
  CIFAR-100 and ImageNet16-120 weights learn on the whole training set and alphas on half of the test set);
- batches: an epoch is one pass over each half without replacement, the incomplete last batch dropped
  (`bench/problem/batches.py`); DARTS-PT's code draws every batch anew from the whole half, and the code of
  SmoothDARTS, beta-DARTS, DrNAS (also for `snas`), PC-DARTS, Fair DARTS, SGAS and OLES every selection batch, i.e.
  with replacement; that of `gdas`, `setn`, `darts-second-order` and `lambda-darts` draws every selection image anew;
- weights: SGD, momentum 0.9, weight decay 3e-4, gradient norm clipped to 5 (in the code of gdas,
  darts-second-order, drnas, snas, lambda-darts, sdarts-rs and sdarts-adv the alphas' gradient counts in that norm),
  learning rate on a cosine per epoch (the code of gdas, setn, rsps, darts-second-order, is-darts and lambda-darts:
  per step);
- alphas: the same for all cells; if they are learnt, by Adam with betas 0.5 and 0.999;
- length of training, batch size and network size are set by the preset, not by the recipe;
- a GPU, or another number of threads, gives numbers that differ by rounding. `lambda-darts`, `darts-second-order` and
  `idarts` take differences of gradients, and `oles` compares cosines with a threshold: they magnify rounding errors
  at each step (`lambda-darts`: 8e-7 in the alphas after three steps, 9e-3 after five), so two machines should be
  compared over seeds, not supernet by supernet.

Hyper-parameters are the authors' for NAS-Bench-201 if these are known; if they are ours, the section says so.
"""


def page() -> str:
    """The whole page, in Markdown."""
    found = recipes()
    index = "\n".join(f"| [`{name}`](#{name}) | {recipe.offers} |" for name, recipe in found.items())
    table = f"| recipe | edge weights that selectors see |\n|---|---|\n{index}\n"
    return "\n".join([HEAD, table, *(section(recipe) for recipe in found.values())]).rstrip("\n") + "\n"


def section(recipe: Recipe) -> str:
    """The section about one recipe: paper, update, defaults, differences, source."""
    first, last = recipe.weight_rates
    rates = f"weights {first:g} to {last:g}"
    if recipe.tunes_alphas:
        adam = f"{recipe.alpha_rate:g}, weight decay {recipe.alpha_decay:g}"
        # The Tuner steps every recipe's alphas by Adam, even if its search has another update.
        own = recipe.alpha_update and f"{recipe.alpha_update} (while a selector fine-tunes: Adam, {adam})"
        rates += f"; alphas {own or adam}"
    spelled = recipe.spelled()
    options = "; ".join(f"`{name}={spelled[name]}`, {text}" for name, (_, text) in recipe.options().items()) or "none"
    lines = [
        f"## {recipe.name}\n",
        f"- Paper: {recipe.paper}",
        f"- Update: `{recipe.equation}`",
        f"- Selectors see: {recipe.offers}",
        f"- Alphas: {recipe.alpha_start}; {'learnt' if recipe.tunes_alphas else 'never updated by gradient'}",
        f"- Options and their defaults: {options}",
        f"- Learning rates: {rates}",
        f"- Differs from the released code: {recipe.differs}",
        f"- Source: `{'/'.join(type(recipe).__module__.split('.')[1:])}.py`, version {recipe.version}",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
