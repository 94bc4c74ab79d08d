"""The ground truth in arrays and in a file."""

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas_selection_bench.bench.errors import DataError
from nas_selection_bench.bench.problem.accuracies import Accuracies, _disconnected
from nas_selection_bench.bench.problem.equivalence import function_classes
from nas_selection_bench.bench.problem.open_table import open_table
from nas_selection_bench.bench.problem.space import N_ARCHITECTURES, architecture_of, code, to_string
from nas_selection_bench.bench.problem.table import GroundTruth
from tests.bench.synthetic_table import accuracies, class_table

RNG = np.random.default_rng(1)


@pytest.fixture(scope="module")
def full() -> GroundTruth:
    test = accuracies()
    trials = np.stack([test + 1, test - 1, np.full_like(test, np.nan)], axis=1)
    held = Accuracies(test, test - 5, trials, np.arange(N_ARCHITECTURES) + 1.0, np.arange(N_ARCHITECTURES) * 2.0)
    other = Accuracies(test=accuracies(7))
    return GroundTruth("both", {"first": held, "second": other}, RNG.permutation(N_ARCHITECTURES))


def test_a_saved_table_is_read_back_exactly(full: GroundTruth, tmp_path: Path) -> None:
    full.save(tmp_path / "table.npz")
    read = GroundTruth.load(tmp_path / "table.npz")
    assert (read.name, read.datasets, read.sha256) == (full.name, full.datasets, full.sha256)
    np.testing.assert_array_equal(read.index, full.index)
    for dataset in full.datasets:
        np.testing.assert_array_equal(read.accuracy(dataset), full.accuracy(dataset))
    np.testing.assert_array_equal(read.accuracy("first", "valid"), full.accuracy("first", "valid"))
    for of in ("trials", "parameters", "flops"):
        np.testing.assert_array_equal(getattr(read, of)("first"), getattr(full, of)("first"))
        assert getattr(read, of)("second") is None


def test_the_same_table_is_the_same_bytes(full: GroundTruth, tmp_path: Path) -> None:
    full.save(tmp_path / "a.npz")
    os.utime(tmp_path / "a.npz", (0, 0))
    GroundTruth.load(tmp_path / "a.npz").save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def test_loading_is_quick_and_the_file_small(full: GroundTruth, tmp_path: Path) -> None:
    path = tmp_path / "table.npz"
    full.save(path)
    times = []
    for _ in range(5):
        start = time.process_time()  # not affected by a busy machine
        GroundTruth.load(path)
        times.append(time.process_time() - start)
    assert min(times) < 0.05
    assert path.stat().st_size < 10e6


def test_means_are_over_the_trials_that_were_run_and_nothing_is_imputed() -> None:
    table = class_table()
    trials = table.trials("digits")
    assert trials is not None and np.isnan(trials).any()
    for position in range(0, N_ARCHITECTURES, 977):
        run = [value for value in trials[position] if value == value]
        assert table.accuracy("digits")[position] == pytest.approx(sum(run) / len(run), abs=1e-12)


def test_a_stated_mean_is_kept_beside_trials_that_differ(full: GroundTruth) -> None:
    np.testing.assert_array_equal(full.accuracy("first"), accuracies())


def test_a_table_holds_what_it_was_given(full: GroundTruth) -> None:
    test, position = accuracies(), np.arange(N_ARCHITECTURES)
    np.testing.assert_array_equal(full.accuracy("first", "valid"), test - 5)
    np.testing.assert_array_equal(full.trials("first"), np.stack([test + 1, test - 1, test * np.nan], axis=1))
    np.testing.assert_array_equal(full.parameters("first"), position + 1.0)
    np.testing.assert_array_equal(full.flops("first"), position * 2.0)


def test_the_digest_names_the_data_set_and_the_array() -> None:
    test = accuracies()
    tables = [{"a": Accuracies(test)}, {"b": Accuracies(test)}, {"a": Accuracies(test, valid=test)},
              {"a": Accuracies(test, trials=test[:, None])}]  # fmt: skip
    assert len({GroundTruth("t", held).sha256 for held in tables}) == 4


def test_lookup_answers_for_every_data_set(full: GroundTruth) -> None:
    position = 4321
    architecture = architecture_of(position)
    expected = {
        "first": {"test": accuracies()[position], "valid": accuracies()[position] - 5},
        "second": {"test": accuracies(7)[position]},
    }
    assert full.lookup(architecture) == expected
    assert full.lookup(to_string(architecture)) == expected


def test_of_several_best_architectures_the_table_counts_one_first() -> None:
    test = np.full(N_ARCHITECTURES, 50.0)
    test[[100, 200, 300]] = 60
    index = np.arange(N_ARCHITECTURES)
    index[[100, 200]] = index[[200, 100]]
    table = GroundTruth("ties", {"d": Accuracies(test)}, index)
    assert code(table.best("d")) == 200


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(100, 500), min_size=3, max_size=40), st.integers(0, 2**32 - 1))
def test_means_that_only_rounding_tells_apart_are_one_number(right: list[int], seed: int) -> None:
    """Tests on 512 images: architectures with equal means tie and others keep their order, whatever their trials."""
    generator = np.random.default_rng(seed)
    wanted = generator.choice(right, N_ARCHITECTURES)  # mean number of images classified correctly
    trials = np.full((N_ARCHITECTURES, 3), np.nan)
    trials[:, 0] = wanted
    thrice = generator.random(N_ARCHITECTURES) < 0.5
    apart = np.minimum(np.minimum(wanted, 512 - wanted), generator.integers(0, 9, N_ARCHITECTURES))
    trials[thrice] = (wanted[:, None] + apart[:, None] * [-1, 0, 1])[thrice]
    trials = trials / 512 * 99.9  # percentages without an exact binary representation
    table = GroundTruth("rounded", {"d": Accuracies(trials=trials + 0.05)})
    levels, place = np.unique(table.accuracy("d"), return_inverse=True)
    assert len(levels) == len(np.unique(wanted))
    assert place.tolist() == np.unique(wanted, return_inverse=True)[1].tolist()
    assert table.accuracy("d") == pytest.approx(np.nanmean(trials + 0.05, axis=1), abs=1e-9)


def test_numbers_that_differ_are_as_the_table_has_them() -> None:
    test = accuracies() + np.arange(N_ARCHITECTURES) * 1e-7
    table = GroundTruth("own", {"d": Accuracies(test)})
    assert (table.accuracy("d") == test).all()


def test_arrays_cannot_be_changed(full: GroundTruth) -> None:
    with pytest.raises(ValueError, match="read-only"):
        full.accuracy("first")[0] = 1
    source = accuracies()
    table = GroundTruth("own", {"d": Accuracies(source)})
    source[:] = 0
    assert table.accuracy("d").min() > 0


def test_what_a_table_does_not_hold_is_named(full: GroundTruth) -> None:
    with pytest.raises(DataError, match=r"'both' holds no 'third'; it holds first, second"):
        full.accuracy("third")
    with pytest.raises(DataError, match="no valid accuracies of 'second'"):
        full.accuracy("second", "valid")
    assert [full.has("first", "valid"), full.has("second", "valid"), full.has("third")] == [True, False, False]
    with pytest.raises(ValueError, match="split 'train'"):
        full.accuracy("first", "train")


def test_incomplete_or_impossible_numbers_are_refused_by_name() -> None:
    gap = accuracies()
    gap[[77, 78]] = np.nan
    with pytest.raises(DataError, match=r"'d': test is missing for 2 architectures, the first is") as caught:
        GroundTruth("t", {"d": Accuracies(gap)})
    assert to_string(architecture_of(77)) in str(caught.value)
    never_run = np.full((N_ARCHITECTURES, 2), 50.0)
    never_run[5] = np.nan
    with pytest.raises(DataError, match="missing for 1 architecture,"):
        GroundTruth("t", {"d": Accuracies(trials=never_run)})
    with pytest.raises(DataError, match="look like fractions"):
        GroundTruth("t", {"d": Accuracies(np.full(N_ARCHITECTURES, 0.9))})
    with pytest.raises(DataError, match=r"must lie in 0\.\.100"):
        GroundTruth("t", {"d": Accuracies(accuracies() * 2)})
    for kind in (str, bytes, complex, bool, "datetime64[s]", [("a", float)], object):
        with pytest.raises(DataError, match=r"'d': valid holds .*, not numbers"):
            GroundTruth("t", {"d": Accuracies(accuracies(), valid=np.zeros(N_ARCHITECTURES, int).astype(kind))})
    with pytest.raises(DataError, match=r"shape \(3,\)"):
        GroundTruth("t", {"d": Accuracies(np.ones(3))})
    with pytest.raises(DataError, match="holds no test accuracies"):
        GroundTruth("t", {"d": Accuracies()})
    with pytest.raises(DataError, match="holds no data set"):
        GroundTruth("t", {})
    with pytest.raises(DataError, match="trial accuracies must lie in"):
        GroundTruth("t", {"d": Accuracies(accuracies(), trials=accuracies()[:, None] + [-60, 0])})
    position = np.arange(N_ARCHITECTURES)
    for index in (np.zeros_like(position), position * 1.0, position[:-1], np.append(position, N_ARCHITECTURES)):
        with pytest.raises(DataError, match="its own index"):
            GroundTruth("t", {"d": Accuracies(accuracies())}, index)


def test_networks_that_ignore_their_input_are_known() -> None:
    """They are the class of the architecture with nothing but `none`."""
    classes = function_classes()
    np.testing.assert_array_equal(_disconnected(), classes == classes[0])


@pytest.mark.parametrize("share", [0.0, 0.5, 0.98])
def test_a_truncated_file_is_refused(full: GroundTruth, tmp_path: Path, share: float) -> None:
    path = tmp_path / "table.npz"
    full.save(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(DataError, match=r"table\.npz is not a compact ground-truth table, or it is damaged"):
        GroundTruth.load(path)


def test_one_array_that_is_named_as_a_table_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "table.npz").open("wb") as stream:
        np.save(stream, np.zeros(3))
    with pytest.raises(DataError, match=r"table\.npz is not a compact ground-truth table"):
        GroundTruth.load(tmp_path / "table.npz")


def test_a_table_that_cannot_be_written_says_so(full: GroundTruth, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere/table\.npz could not be written"):
        full.save(tmp_path / "nowhere" / "table.npz")


def rewrite(path: Path, **changes: np.ndarray) -> None:
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **{**arrays, **changes})  # type: ignore[arg-type]


def meta_of(path: Path) -> dict[str, object]:
    with np.load(path) as file:
        return dict(json.loads(str(file["meta"])))


def test_changed_numbers_and_other_formats_are_refused(full: GroundTruth, tmp_path: Path) -> None:
    path = tmp_path / "table.npz"
    full.save(path)
    rewrite(path, **{"second/test": accuracies(8)})
    with pytest.raises(DataError, match="damaged: its numbers do not match its checksum"):
        GroundTruth.load(path)
    full.save(path)
    rewrite(path, meta=np.array(json.dumps({**meta_of(path), "schema": 99})))
    with pytest.raises(DataError, match="schema 99, this program reads 1"):
        GroundTruth.load(path)
    full.save(path)
    for meta in ({"schema": 1, "name": "half"}, ["schema"], None):
        rewrite(path, meta=np.array(json.dumps(meta)))
        with pytest.raises(DataError, match="not a compact ground-truth table, or it is damaged"):
            GroundTruth.load(path)
    full.save(path)
    rewrite(path, **{"third/test": accuracies()})
    with pytest.raises(DataError, match="unknown array 'third/test'"):
        GroundTruth.load(path)
    np.savez(path, a=np.ones(3))
    with pytest.raises(DataError, match="not a compact ground-truth table"):
        GroundTruth.load(path)
    with pytest.raises(DataError, match="does not exist"):
        GroundTruth.load(tmp_path / "nowhere.npz")


@pytest.mark.skipif("NAS_BENCH_TABLE" not in os.environ, reason="NAS_BENCH_TABLE does not name the real table")
def test_anchors_of_the_real_table() -> None:
    table = open_table(os.environ["NAS_BENCH_TABLE"])
    test = table.accuracy("cifar10")
    assert round(float(test.mean()), 2) == 87.06
    assert round(float(test.max()), 3) == 94.373
    assert int(table.index[code(table.best("cifar10"))]) == 6111
    assert round(table.lookup((1,) * 6)["cifar10"]["test"], 3) == 54.297
    assert round(table.lookup((3,) * 6)["cifar10"]["test"], 2) == 93.76
    best = {name: round(float(table.accuracy(name, split).max()), 2) for name in table.datasets for split in ["test"]}
    assert best == {"cifar10": 94.37, "cifar100": 73.51, "imagenet16": 47.31}
