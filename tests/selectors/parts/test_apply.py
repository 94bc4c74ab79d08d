"""A criterion cannot change the state of its process, and must return a valid selection."""

import os
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from nas_selection_bench.bench.problem.selection import Decision, Selection
from nas_selection_bench.selectors.parts import apply, registry
from nas_selection_bench.selectors.parts.criterion import Rule, Selector
from nas_selection_bench.selectors.parts.needs import Needs
from nas_selection_bench.selectors.parts.schedule import Scorer
from nas_selection_bench.selectors.parts.view import Search
from nas_selection_bench.supernets.network.process_modes import SWITCHES
from nas_selection_bench.supernets.training.checkpoint import Checkpoint
from tests.coloured import coloured_images, indices
from tests.selectors import small


@dataclass(frozen=True, kw_only=True)
class Made(Selector):
    """A selector that runs `act` and returns a selection."""

    act: Callable[[Search], object]

    @property
    def needs(self) -> Needs:
        """Everything except fine-tuning."""
        return Needs(trained=True, alphas=True, images=True, labels=True)

    @property
    def stochastic(self) -> bool:
        """It draws no random numbers."""
        return False

    def select(self, search: Search) -> Selection:
        """What `act` returns, or 3x3 on every edge if that is nothing."""
        decisions = [Decision(edge, 3) for edge in range(6)]
        answer = self.act(search)
        return Selection((3,) * 6, np.zeros((6, 5)), decisions) if answer is None else answer  # type: ignore[return-value]


@pytest.fixture
def applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Search], object]], Selection]:
    """A function that applies a selector running `act` to a stored checkpoint, as a cell does."""
    job = small.cell("made").supernet
    Checkpoint(job, 3, small.network(0, torch.float32).state_dict(), small.alphas(0, torch.float32)).save(tmp_path)

    def run(act: Callable[[Search], object]) -> Selection:
        selector = Made(paper="none", formula="none", direction="none", name="made", act=act)
        monkeypatch.setattr(registry, "find", lambda name: selector)
        return apply.select(small.cell("made"), tmp_path, small.images(), "cpu")

    return run


def test_a_selector_works_in_modes_of_its_own(applied: Callable[..., Selection]) -> None:
    def careless(search: Search) -> None:
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        torch.backends.mkldnn.enabled = False  # type: ignore[assignment]
        os.chdir("/")

    before = {name: read() for name, (read, _) in SWITCHES.items()}
    applied(careless)
    assert {name: read() for name, (read, _) in SWITCHES.items()} == before


@pytest.mark.parametrize(
    ("draw", "said"),
    [
        (lambda: torch.rand(1), "the global generator of torch,"),
        (lambda: np.random.rand(), "the global generator of numpy,"),
        (lambda: random.random(), "the global generator of random,"),
        (lambda: (torch.rand(1), random.random()), "the global generator of torch and random,"),
    ],
)
def test_a_selector_that_draws_from_a_global_generator_is_refused(
    applied: Callable[..., Selection], draw: Callable[[], object], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        applied(lambda search: (draw(), None)[1])
    outcome: list[Selection] = []  # in a thread, the draw may have been that of another job
    thread = threading.Thread(target=lambda: outcome.append(applied(lambda search: (draw(), None)[1])))
    thread.start()
    thread.join()
    assert outcome


def test_a_selector_may_draw_from_generators_of_its_own(applied: Callable[..., Selection]) -> None:
    def draw(search: Search) -> None:
        torch.rand(1, generator=search.generator("mine"))
        search.mixture(search.weights())

    assert applied(draw).architecture == (3,) * 6


def test_weights_that_ask_for_a_gradient_are_refused_by_the_mixture(applied: Callable[..., Selection]) -> None:
    with pytest.raises(ValueError, match=r"search\.loss, or the gradients of selectors/parts/gates\.py"):
        applied(lambda search: search.mixture(search.weights().requires_grad_()))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (None, r"Fixed\.score gave NoneType for the edges \[2, 4\], not 2 rows of 5 scores"),
        (np.zeros((6, 5)), r"Fixed\.score gave \(6, 5\) for the edges \[2, 4\]"),
        (np.zeros((2, 4)), r"Fixed\.score gave \(2, 4\) for the edges \[2, 4\]"),
        (np.zeros(10), r"Fixed\.score gave \(10,\) for the edges \[2, 4\]"),
        (
            torch.zeros(2, 5, requires_grad=True),
            r"^Fixed\.score gave a tensor that requires grad; return scores\.detach",
        ),
        ([list(torch.zeros(5, requires_grad=True))] * 2, r"^Fixed\.score gave list for the edges \[2, 4\]"),
        (torch.zeros(2, 5, dtype=torch.bfloat16), r"^Fixed\.score gave what numpy cannot read"),
        (np.zeros((2, 5), dtype=object), r"^Fixed\.score gave an array of object, not of numbers"),
        (np.zeros((2, 5), dtype=complex), r"^Fixed\.score gave an array of complex128, not of numbers"),
        (np.full((2, 5), np.nan), r"Fixed\.score gave scores that are not finite for the edges \[2, 4\]"),
    ],
)
def test_a_rule_that_scores_other_edges_than_those_asked_for_is_told(rows: object, said: str) -> None:
    class Fixed(Rule):
        @property
        def needs(self) -> Needs:
            return Needs(alphas=True)

        def score(self, search: Search, edges: Sequence[int]) -> np.ndarray:
            return rows  # type: ignore[return-value]

    with pytest.raises(ValueError, match=said):
        Scorer(Fixed(), small.search("magnitude"), {})([2, 4])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("nothing", "returned no Selection \\(str\\)"),
        (
            Selection((3,) * 6, np.zeros((6, 5)), [Decision(e, 3) for e in range(6)], facts=None),
            "facts that are not a dictionary",
        ),  # type: ignore[arg-type]
        (Selection((3,) * 6, np.zeros(30), [Decision(e, 3) for e in range(6)]), "shape"),
    ],
)
def test_what_is_no_selection_is_told_in_a_sentence(
    applied: Callable[..., Selection], answer: object, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        applied(lambda search: answer)


@pytest.mark.parametrize("name", ["darts-pt", "op-snip"])
def test_a_selector_reads_the_second_half_of_the_images(name: str, tmp_path: Path) -> None:
    """The colour of each image is its index; 24 of the 32 are used for selection, in batches of ten."""
    job = small.cell(name).supernet
    Checkpoint(job, 3, small.network(0, torch.float32).state_dict(), small.alphas(0, torch.float32)).save(tmp_path)
    search = apply.open_search(small.cell(name), tmp_path, coloured_images(crop_padding=1), "cpu")
    for found in ([x for x, _ in search.batches], search.images):
        assert [indices(x) for x in found] == [[*range(32, 42)], [*range(42, 52)], [*range(52, 56)]]
    assert [y.tolist() for _, y in search.batches] == [[i % 4 for i in indices(x)] for x in search.images]
    assert [indices(x) for x, _ in search.proxy_batches(2)] == [[*range(32, 44)], [*range(44, 56)]]


@pytest.mark.parametrize(("asked", "limit", "read"), [(7, 24, 7), (30, 24, 24), (30, None, 30), (50, None, 32)])
def test_the_first_images_are_one_batch_of_no_more_than_there_are(asked: int, limit: int | None, read: int) -> None:
    search = small.search("one-shot")
    search.size = replace(search.size, selection_images=limit)
    ((x, y),) = search.first_images(asked)
    every = small.images()
    torch.testing.assert_close(x, (every.images[32 : 32 + read].double() / 255 - 0.5) / 0.25, rtol=1e-6, atol=1e-6)
    assert torch.equal(y, every.labels[32 : 32 + read])
