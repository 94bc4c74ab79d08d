"""One-shot accuracy: rank architectures by their accuracy with weights inherited from the supernet.

Bender et al., "Understanding and Simplifying One-Shot Architecture Search", ICML 2018; Li & Talwalkar, "Random
Search and Reproducibility for Neural Architecture Search" (RSPS), UAI 2019. `one-shot` evaluates one architecture
of each of the 6,466 classes, and one of each function that these miss; `one-shot-sampled` evaluates 100 random
architectures, as NAS-Bench-201 does for RSPS. All see the same selection images, with the batch statistics of their
own activations. With --bn running they have the running statistics of the mixture, under which no two architectures
are equivalent, so `one-shot` evaluates all 15,625. Ties in accuracy are broken by the loss.
"""

from dataclasses import dataclass

from nas_selection_bench.bench.problem.selection import Selection
from nas_selection_bench.bench.work.options import option, or_all, positive
from nas_selection_bench.selectors.parts.criterion import Selector
from nas_selection_bench.selectors.parts.evaluation import require_enough
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.ranking import one_of_each_class, sample_uniformly, some_or_all, take_best
from nas_selection_bench.selectors.parts.shared_weights import evaluate_architectures
from nas_selection_bench.selectors.parts.view import Search

IMAGES = 128
"""Default number of selection images; all if there are fewer."""


@dataclass(frozen=True, kw_only=True)
class OneShot(Selector):
    """Selects the architecture that performs best with inherited weights."""

    architectures: int | None = option(
        None, or_all(some_or_all), "number of random architectures; all: one of each class"
    )
    images: int | None = option(IMAGES, or_all(positive), "number of selection images, in one mini-batch; or all")

    needs = Needs(trained=True, images=True, labels=True)

    @property
    def stochastic(self) -> bool:
        """Whether architectures are drawn."""
        return self.architectures is not None

    def select(self, search: Search) -> Selection:
        """Evaluate and rank the architectures, and take the best."""
        if self.images not in (None, IMAGES):
            require_enough("images", self.images, search.image_count)
        if self.architectures is None:
            candidates = one_of_each_class(search.cell.bn)
        else:
            candidates = sample_uniformly(self.architectures, search.generator("architectures"))
        batches = search.batches if self.images is None else search.first_images(self.images)
        accuracy, loss = evaluate_architectures(search.network, candidates, batches)
        search.meter.count(forward=len(candidates) * len(batches))
        return take_best(search, candidates, accuracy, -loss)


SELECTOR = OneShot(
    paper="Bender et al., Understanding and Simplifying One-Shot Architecture Search, ICML 2018",
    formula="accuracy with inherited weights; (e, o): mean over architectures",
    direction="largest",
    passes="6,746 of one mini-batch; 15,625 with --bn running",
    differs="exhaustive; all architectures see the same 128 images; ties in accuracy are broken by the loss",
)

VARIANTS = {
    "sampled": OneShot(
        paper="Li & Talwalkar, Random Search and Reproducibility for NAS, UAI 2019",
        formula="accuracy with inherited weights of 100 random architectures; (e, o): mean over architectures",
        direction="largest",
        passes="100 B",
        differs=(
            "all architectures see the same images (NAS-Bench-201's code draws a mini-batch for each); ties in accuracy"
            " are broken by the loss"
        ),
        architectures=100,
        images=None,
    )
}
