"""Names on the command line, checkpoints per selector, and estimates of time."""

import json
from collections.abc import Callable
from dataclasses import replace
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.names import choose, split_names
from nas_selection_bench.bench.work.cells import Cell, SupernetJob
from nas_selection_bench.bench.work.methods import MethodDeclaration
from nas_selection_bench.bench.work.plan import PlannedCell, Request, epochs_for, make_plan, plan_again, state_of
from nas_selection_bench.bench.work.presets import PRESETS, settings_for
from nas_selection_bench.bench.work.record import Circumstances, Record
from nas_selection_bench.bench.work.timings import Estimate, Timings

KNOWN = ("darts-pt", "darts-pt-loss", "magnitude", "zero-cost-pt-nwot", "zero-cost-pt-snip")


def selector(name: str, stochastic: bool = False, reads_only_alphas: bool = False) -> MethodDeclaration:
    return MethodDeclaration(name, 1, "", stochastic=stochastic, reads_only_alphas=reads_only_alphas)


def request(**changes: object) -> Request:
    parts: dict[str, object] = {
        "settings": {"cifar10": settings_for("lite"), "cifar100": settings_for("lite")},
        "recipes": (MethodDeclaration("darts", 1, ""), MethodDeclaration("blank", 1, "")),
        "selectors": (selector("a", reads_only_alphas=True), selector("b", stochastic=True)),
        "supernet_seeds": 3,
        "selector_seeds": 2,
        "epochs": None,
        "bn": "batch",
        "root": 0,
        "circumstances": Circumstances("cpu", 1),
    }
    return Request(**{**parts, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a,b", ["a", "b"]),
        (" a , b ,", ["a", "b"]),
        ("a[x=1,y=2],b", ["a[x=1,y=2]", "b"]),
        ("a[x=1,y=2],b[z=3,w=4],c", ["a[x=1,y=2]", "b[z=3,w=4]", "c"]),
        ("", []),
    ],
)
def test_commas_in_brackets_do_not_split(text: str, names: list[str]) -> None:
    assert split_names(text) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("all", list(KNOWN)),
        ("magnitude,darts-pt", ["magnitude", "darts-pt"]),
        ("zero-*", ["zero-cost-pt-nwot", "zero-cost-pt-snip"]),
        ("darts-pt,darts-*", ["darts-pt", "darts-pt-loss"]),
        ("all,!zero-*,!magnitude", ["darts-pt", "darts-pt-loss"]),
        ("!zero-*,!magnitude", ["darts-pt", "darts-pt-loss"]),
        ("!zero-*,all,!magnitude", ["darts-pt", "darts-pt-loss"]),
        ("darts-pt[tune=0,order=fixed]", ["darts-pt[order=fixed,tune=0]"]),
        ("darts-*[tune=0]", ["darts-pt[tune=0]", "darts-pt-loss[tune=0]"]),
        ("darts-pt,darts-pt[tune=0]", ["darts-pt", "darts-pt[tune=0]"]),
        ("zero-cost-pt-?wot", ["zero-cost-pt-nwot"]),
        ("darts-pt[tune=0],magnitude,darts-pt,!darts-pt*", ["magnitude"]),
        ("darts-pt[tune=0],darts-pt,!darts-pt", ["darts-pt[tune=0]"]),
        ("all,!darts-*,!darts-pt", ["magnitude", "zero-cost-pt-nwot", "zero-cost-pt-snip"]),
    ],
)
def test_names_globs_and_options(text: str, names: list[str]) -> None:
    assert choose("selector", text, KNOWN) == names


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("darts-tp", "did you mean darts-pt"),
        ("magnitud,zero-*", "did you mean magnitude"),
        ("x*", "The selectors are: darts-pt,"),
        ("!all", "leaves no selector"),
        ("", "leaves no selector"),
        ("darts-pt[tune]", "option=value"),
        ("!magnitde", "did you mean magnitude"),
        ("[abc]*", "Malformed name '[abc]*'"),
        ("magnitude,!darts-pt", "'!darts-pt' excludes none"),
        ("darts-pt[tune=0],!darts-pt", "'!darts-pt' excludes none"),
        ("magnitude,!darts-*", "'!darts-*' excludes none"),
    ],
)
def test_what_matches_nothing_is_refused_with_the_nearest_names(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("[", r"\[").replace("*", r"\*")):
        choose("selector", text, KNOWN)


def test_choosing_by_alphas_that_are_not_learnt_has_a_key_of_its_own() -> None:
    """Records from before such cells were skipped become invalid, and no other record is affected."""
    recipes = (MethodDeclaration("darts", 1, ""), MethodDeclaration("blank", 1, "", learns_alphas=False))
    keys = {}
    for by_alphas in (False, True):
        selectors = (
            MethodDeclaration("a", 1, "", stochastic=False, reads_only_alphas=True, decides_by_alphas=by_alphas),
        )
        plan = make_plan(request(recipes=recipes, selectors=selectors))
        keys[by_alphas] = {cell.stem: cell.key for cell in plan}
    changed = {stem for stem, key in keys[False].items() if keys[True][stem] != key}
    assert changed == {stem for stem in keys[False] if ".blank." in stem} and len(changed) == 2 * 3 * 5


BY_ALPHAS = MethodDeclaration("a", 1, "", stochastic=False, reads_only_alphas=True, decides_by_alphas=True)


def along_one_supernet(recipe: MethodDeclaration) -> dict[int, PlannedCell]:
    """The cells of a selector that decides by alphas, by epoch."""
    one = request(recipes=(recipe,), selectors=(BY_ALPHAS,), supernet_seeds=1)
    return {cell.cell.epoch: cell for cell in make_plan(one) if cell.cell.supernet.dataset == "cifar10"}


def test_so_has_choosing_by_alphas_that_are_not_learnt_yet() -> None:
    recipe = MethodDeclaration("pc", 1, "")
    usual, late = along_one_supernet(recipe), along_one_supernet(replace(recipe, untrained_share=0.45))
    assert [epoch for epoch in usual if usual[epoch].key != late[epoch].key] == [2, 4]
    assert [epoch for epoch, cell in late.items() if not cell.reads_checkpoint] == [2, 4], "none is trained for a skip"
    assert late[4].skip_reason == "the alphas of pc say nothing before epoch 5, so a choice by them would be random"
    sooner = along_one_supernet(replace(recipe, untrained_share=0.4, informative_at_its_end=True))
    assert [epoch for epoch, cell in sooner.items() if cell.skip_reason] == [2]
    assert "never trains its alphas" in along_one_supernet(replace(recipe, untrained_share=1.0))[10].skip_reason


def test_what_was_chosen_by_lot_counts_as_skipped_and_is_not_run_again() -> None:
    cell = along_one_supernet(MethodDeclaration("pc", 1, "", untrained_share=0.3))[2]
    record = Record(dict(cell.columns), "of before", 1, 1, "done")
    assert cell.skip_reason and state_of(cell, record, None) == "skipped"
    assert state_of(cell, replace(record, state="failed"), None) is None
    assert state_of(replace(cell, skip_reason=""), record, None) is None


def test_a_result_holds_while_its_key_and_its_checkpoint_do() -> None:
    cell = make_plan(request(selectors=(selector("a"),)))[0]
    record = Record(dict(cell.columns), cell.key, 1, 1, "done", checkpoint="abc")
    checkpoints = ("abc", "another", None)  # None: not in the cache
    assert [state_of(cell, record, checkpoint) for checkpoint in checkpoints] == ["done", None, "done"]
    assert state_of(cell, replace(record, checkpoint=None), "abc") == "done", "as early versions stored it"
    assert state_of(replace(cell, shared="w"), record, "another") == "done", "it reads no checkpoint"
    assert [state_of(cell, replace(record, key=key), "abc") for key in (cell.former_key, "0")] == ["done", None]
    assert state_of(cell, None, "abc") is None


def test_a_method_from_outside_is_keyed_by_its_content() -> None:
    blind = replace(selector("d"), reads_checkpoint=False)
    recipes = (MethodDeclaration("darts[y=2]", 1, ""), MethodDeclaration("blank", 1, ""))
    asked = request(recipes=recipes, selectors=(selector("a[x=1]"), blind), supernet_seeds=1)

    def plan(outside: dict[str, str]) -> list[PlannedCell]:
        here = Circumstances("cpu", 1, outside=outside)
        return make_plan(replace(asked, circumstances=here))

    def changed(of: Callable[[PlannedCell], str | None], name: str) -> set[tuple[str, str]]:
        """Recipe and selector of the cells for which `of` depends on the file of the method `name`."""
        plans = zip(plan({}), plan({name: "1"}), plan({name: "2"}), strict=True)
        return {(one[0].cell.supernet.recipe, one[0].cell.selector) for one in plans if len({*map(of, one)}) == 3}

    key, shared, supernet = attrgetter("key"), attrgetter("shared"), attrgetter("supernet.key")
    assert changed(key, "selector a") == {("darts[y=2]", "a[x=1]"), ("blank", "a[x=1]")}
    assert changed(key, "selector d") == changed(shared, "selector d") == {("darts[y=2]", "d"), ("blank", "d")}
    assert changed(supernet, "selector a") == changed(supernet, "selector d") == set()
    assert (
        changed(key, "recipe darts")
        == changed(supernet, "recipe darts")
        == {("darts[y=2]", "a[x=1]"), ("darts[y=2]", "d")}
    )
    assert changed(shared, "recipe darts") == set(), "a shared result depends on no recipe"


@given(st.lists(st.sampled_from(KNOWN), min_size=1))
def test_each_name_is_chosen_once_in_the_order_asked(names: list[str]) -> None:
    assert choose("selector", ",".join(names), KNOWN) == list(dict.fromkeys(names))


@pytest.mark.parametrize(
    ("epochs", "reads_only_alphas", "chosen"),
    [
        (None, False, (10,)),
        (None, True, (2, 4, 6, 8, 10)),
        (("all",), False, (2, 4, 6, 8, 10)),
        (("last", 4, 2), True, (2, 4, 10)),
        ((10, "last"), False, (10,)),
    ],
)
def test_epochs_of_a_selector(
    epochs: tuple[int | str, ...] | None, reads_only_alphas: bool, chosen: tuple[int, ...]
) -> None:
    asked = request(epochs=epochs)
    assert epochs_for(selector("a", reads_only_alphas=reads_only_alphas), asked, settings_for("lite")) == chosen


def test_the_plan_is_the_whole_grid_with_nothing_twice() -> None:
    plan = make_plan(request())
    # Per supernet: `a` at five checkpoints; `b` once per selector seed at the last.
    assert len(plan) == 2 * 2 * 3 * (5 + 2)
    assert len({cell.stem for cell in plan}) == len({cell.key for cell in plan}) == len(plan)
    assert len({cell.supernet.key for cell in plan}) == 2 * 2 * 3


@pytest.mark.parametrize(
    "changes",
    [
        {"root": 1},
        {"circumstances": Circumstances("cpu", 2)},
        {"circumstances": Circumstances("cuda", 1)},
        {"bn": "running"},
        {"recipes": (MethodDeclaration("darts", 2, ""), MethodDeclaration("blank", 2, ""))},
        {
            "selectors": (
                MethodDeclaration("a", 2, "", reads_only_alphas=True),
                MethodDeclaration("b", 2, "", stochastic=True),
            )
        },
        {"settings": {name: settings_for("lite").with_epochs(11) for name in ("cifar10", "cifar100")}},
        {"data": {"cifar10": "0123", "cifar100": "4567"}},
    ],
)
def test_whatever_changes_the_numbers_changes_every_key(changes: dict[str, object]) -> None:
    before = {cell.key for cell in make_plan(request())}
    assert not before & {cell.key for cell in make_plan(request(**changes))}


def test_variants_of_a_selector_draw_alike_and_other_selectors_do_not() -> None:
    job = SupernetJob("digits", "darts", 0, 0, PRESETS["digits"])
    plain, variant, other = (
        Cell(job, 8, name, 0, "batch", PRESETS["digits"].budget) for name in ("s", "s[option=1]", "t")
    )
    assert plain.derive("permutations") == variant.derive("permutations") != other.derive("permutations")
    assert plain.derive("permutations") != replace(plain, selector_seed=1).derive("permutations")


def test_further_selectors_and_seeds_change_no_key_of_the_others() -> None:
    more = request(selectors=(selector("c"), *request().selectors), supernet_seeds=5, selector_seeds=4)
    assert {cell.key for cell in make_plan(request())} < {cell.key for cell in make_plan(more)}


def test_a_plan_is_made_again_from_its_columns() -> None:
    alphas = MethodDeclaration("c", 1, "", stochastic=False, reads_only_alphas=True, decides_by_alphas=True)
    blind = replace(selector("d"), reads_checkpoint=False)
    asked = request(
        settings={"cifar10": settings_for("lite").with_epochs(5), "own": replace(settings_for("paper"), images=700)},
        recipes=(MethodDeclaration("darts", 2, ""), MethodDeclaration("blank", 1, "", learns_alphas=False)),
        selectors=(*request().selectors, alphas, blind), root=7, data={"own": "0123"},
    )  # fmt: skip
    methods: Any = SimpleNamespace(
        recipes=SimpleNamespace(find={recipe.name: recipe for recipe in asked.recipes}.__getitem__),
        selectors=SimpleNamespace(find={facts.name: facts for facts in asked.selectors}.__getitem__),
    )
    plan = make_plan(asked)
    told = json.loads(json.dumps([dict(cell.columns) for cell in plan]))
    assert plan_again(told, methods, asked.root, asked.data, asked.circumstances) == plan


def timed(cell: PlannedCell, **seconds: float) -> dict[str, object]:
    return {**cell.columns, **seconds}


def test_estimates_take_the_nearest_kind_of_work() -> None:
    plan = make_plan(request(selectors=(selector("b"),), recipes=(MethodDeclaration("darts", 1, ""),)))
    cifar10, cifar100 = plan[0], plan[3]
    rows = [
        timed(cifar10, wall_seconds=4.0),
        {**timed(cifar10, training_seconds=100.0), "selector": ""},
    ]
    timings = Timings(rows)
    assert timings.cell(cifar10) == 4.0
    assert timings.cell(cifar100) == 4.0  # the other data set at the same preset is the next best guess
    estimate = timings.estimate(plan, trained=[cifar10.supernet.key], jobs=2)
    assert estimate == Estimate((6 * 4.0 + 5 * 100.0) / 2, timed=11, untimed=0)
    assert Timings([]).estimate(plan, trained=[], jobs=1) == Estimate(0, timed=0, untimed=12)


def test_an_estimate_counts_training_up_to_the_last_epoch_that_is_read() -> None:
    plan = make_plan(request(selectors=(selector("b"),), recipes=(MethodDeclaration("darts", 1, ""),), epochs=(2, 4)))
    one = [planned for planned in plan if planned.supernet == plan[0].supernet]
    assert [planned.cell.epoch for planned in one] == [2, 4] and one[0].cell.supernet.settings.epochs == 10
    rows = [timed(one[0], wall_seconds=3.0), {**timed(one[0], training_seconds=100.0), "selector": ""}]
    assert Timings(rows).estimate(one, trained=[], jobs=1).seconds == 2 * 3.0 + 40.0


def test_cells_that_share_a_result_are_one_item_of_an_estimate() -> None:
    chooser = replace(selector("b"), reads_checkpoint=False)
    plan = make_plan(request(selectors=(chooser,)))
    assert len({planned.shared for planned in plan}) == len(plan) // 2, "two recipes"
    estimate = Timings([timed(plan[0], wall_seconds=4.0)]).estimate(plan, trained=[], jobs=1)
    assert (estimate.seconds, estimate.timed) == (4.0 * len(plan) / 2, len(plan) // 2)


def test_what_selection_spends_makes_another_result_on_the_same_supernet() -> None:
    usual = settings_for("lite")
    more = replace(usual, validation_batches=99)
    a, b = (make_plan(request(settings={"cifar10": chosen}))[0] for chosen in (usual, more))
    assert a.supernet.key == b.supernet.key and a.supernet.former_key != b.supernet.former_key
    assert a.key != b.key and a.stem != b.stem
    wider = make_plan(request(settings={"cifar10": replace(usual, channels=4)}))[0]
    assert wider.supernet.key != a.supernet.key
