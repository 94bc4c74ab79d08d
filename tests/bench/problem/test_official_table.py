"""The official NAS-Bench-201 file, in both versions and in both file formats of torch."""

import bz2
import copy
import pickle
from pathlib import Path

import numpy as np
import pytest

from nas_selection_bench.bench.errors import DataError
from nas_selection_bench.bench.problem.open_table import open_table
from nas_selection_bench.bench.problem.space import N_ARCHITECTURES, code, parse
from nas_selection_bench.bench.problem.table import GroundTruth
from tests.bench.official_file import accuracy_of, official_content, seeds_of, string_at
from tests.fuzz.inputs import Runs

pytestmark = pytest.mark.thorough

torch = pytest.importorskip("torch")
nas_201_api = pytest.importorskip("nas_201_api", reason="the package nas-bench-201 is not installed")

INDEXES = [0, 1, 2, 500, 6111, 15624]


@pytest.fixture(scope="module")
def content() -> dict:
    return official_content("v1_1")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, content: dict) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("official")
    made = {"v1_0": folder / "NAS-Bench-201-v1_0-e61699.pth", "v1_1": folder / "NAS-Bench-201-v1_1-096897.pth"}
    torch.save(official_content("v1_0"), made["v1_0"], _use_new_zipfile_serialization=False)
    torch.save(content, made["v1_1"])
    return made


@pytest.fixture(scope="module", params=["v1_0", "v1_1"])
def table(request: pytest.FixtureRequest, files: dict[str, Path]) -> GroundTruth:
    return open_table(files[request.param])


def nats_content(content: dict) -> dict:
    """The same results as stored by NATS-Bench: other keys for the two schedules, and here without the curves."""
    short: dict[int, dict] = {}

    def shortened(training: dict) -> dict:
        last = {key: value for key, value in training["eval_acc1es"].items() if key.endswith("@199")}
        return short.setdefault(id(training), {**training, "eval_acc1es": last, "eval_losses": {}, "eval_times": {}})

    infos = {}
    for index, info in content["arch2infos"].items():
        results = {key: shortened(training) for key, training in info["full"]["all_results"].items()}
        infos[index] = {"12": info["less"], "200": {**info["full"], "all_results": results}}
    return {**content, "arch2infos": infos}


@pytest.mark.program
def test_nats_bench_reads_the_same_from_its_file_and_its_folder(
    tmp_path: Path, content: dict, files: dict[str, Path]
) -> None:
    from nas_selection_bench.bench.problem.official_table import SCHEDULES, _Folder

    expected = open_table(files["v1_1"])
    nats = nats_content(content)
    packed = tmp_path / "NATS-tss-v1_0-3ffb9.pickle.pbz2"
    with bz2.open(packed, "wb", compresslevel=1) as file:
        pickle.dump(nats, file, protocol=4)
    found = open_table(packed)
    assert (found.name, found.sha256) == ("NATS-tss-v1_0-3ffb9", expected.sha256)
    folder = tmp_path / "NATS-tss-v1_0-3ffb9-simple"
    folder.mkdir()
    with bz2.open(folder / "meta.pickle.pbz2", "wb") as file:
        pickle.dump({"meta_archs": nats["meta_archs"]}, file, protocol=4)
    for index in (0, 1, 3):
        whole = {"12": content["arch2infos"][index]["less"], "200": content["arch2infos"][index]["full"]}
        name = f"{index:06d}" if index else "0"
        (folder / f"{name}.pickle.pbz2").write_bytes(bz2.compress(pickle.dumps(whole, protocol=4), 1))
    with pytest.raises(DataError, match=r"architecture 2 .*200 epochs are missing"):
        open_table(folder)
    read = _Folder(folder, SCHEDULES["200"])
    for index in (0, 1, 3):
        for key, training in nats["arch2infos"][index]["200"]["all_results"].items():
            assert read[index]["200"]["all_results"][key]["eval_acc1es"] == training["eval_acc1es"]


def own(content: dict) -> dict:
    """A copy that a test may change; the trainings stay shared."""
    infos = {index: dict(info) for index, info in content["arch2infos"].items()}
    return {**content, "meta_archs": list(content["meta_archs"]), "arch2infos": infos}


def convert(content: dict) -> GroundTruth:
    from nas_selection_bench.bench.problem.official_table import from_content

    return from_content(content, Path("table.pth"))


@pytest.mark.parametrize("index", INDEXES)
def test_every_number_is_the_mean_over_the_trials_of_its_own_split(table: GroundTruth, index: int) -> None:
    expected = {
        "cifar10": {"test": ("cifar10", "ori-test"), "valid": ("cifar10-valid", "x-valid")},
        "cifar100": {"test": ("cifar100", "x-test"), "valid": ("cifar100", "x-valid")},
        "imagenet16": {"test": ("ImageNet16-120", "x-test"), "valid": ("ImageNet16-120", "x-valid")},
    }
    assert table.datasets == tuple(expected)
    found = table.lookup(string_at(index))
    for dataset, splits in expected.items():
        for split, (trained_on, evaluated_on) in splits.items():
            accuracies = [accuracy_of(index, trained_on, evaluated_on, seed) for seed in seeds_of(index)]
            assert found[dataset][split] == pytest.approx(sum(accuracies) / len(accuracies), abs=1e-12)


def test_the_package_answers_the_same_with_hp_200_and_without_a_random_trial(table: GroundTruth, content: dict) -> None:
    results = nas_201_api.ArchResults.create_from_state_dict(content["arch2infos"][1]["full"])
    answer = results.get_metrics("cifar100", "x-test", is_random=False)["accuracy"]
    assert table.lookup(string_at(1))["cifar100"]["test"] == pytest.approx(answer, abs=1e-12)
    cost = results.get_compute_costs("cifar10")
    position = code(parse(string_at(1)))
    assert table.parameters("cifar10")[position] == pytest.approx(cost["params"] * 1e6)
    assert table.flops("cifar10")[position] == pytest.approx(cost["flops"] * 1e6)


def test_trials_are_kept_apart_and_those_never_run_stay_missing(table: GroundTruth) -> None:
    for index in (0, 1, 2):
        row = table.trials("imagenet16")[code(parse(string_at(index)))]
        expected = [accuracy_of(index, "ImageNet16-120", "x-test", seed) for seed in seeds_of(index)]
        np.testing.assert_allclose(row, expected + [np.nan] * (3 - len(expected)))


def test_the_table_keeps_the_index_of_the_file(table: GroundTruth) -> None:
    assert [int(table.index[code(parse(string_at(index)))]) for index in INDEXES] == list(INDEXES)


@pytest.mark.program
def test_the_old_way_of_writing_files_reads_the_same(tmp_path: Path, content: dict, files: dict[str, Path]) -> None:
    old = tmp_path / "old.pth"
    torch.save(content, old, _use_new_zipfile_serialization=False)
    assert open_table(old).sha256 == open_table(files["v1_1"]).sha256


def test_numpy_numbers_are_read_and_stored_weights_are_passed_over(tmp_path: Path) -> None:
    from nas_selection_bench.bench.problem.official_table import SCHEDULES, _read

    held = {"a": np.float64(93.5), "b": {"weight": torch.ones(3)}, "c": {1, 2}, "d": np.arange(3.0)}
    for name, zipped in (("new.pth", True), ("old.pth", False)):
        torch.save(held, tmp_path / name, _use_new_zipfile_serialization=zipped)
        found = _read(tmp_path / name, SCHEDULES["200"])
        assert found["a"] == 93.5
        assert not isinstance(found["b"]["weight"], torch.Tensor)
        assert found["c"] == {1, 2}
        assert found["d"].tolist() == [0, 1, 2]


def test_a_file_of_curves_is_read_in_a_fraction_of_the_memory_of_its_content(tmp_path: Path) -> None:
    """Compares two processes in one run by the ratio of the memory they use beyond that of the imports."""
    from tests.performance import official_memory

    path = tmp_path / "invented.pth"
    official_memory.write(path, 40)
    imports = (
        "import sys, pickle; from pathlib import Path;"
        " from nas_selection_bench.bench.problem.official_table import SCHEDULES, _read"
    )
    base = official_memory.largest_memory(imports)
    whole = official_memory.largest_memory(
        f"{imports}\nwith open(sys.argv[1], 'rb') as f: kept = [pickle.load(f) for _ in range(4)]", str(path)
    )
    thin = official_memory.largest_memory(
        f"{imports}\nread = _read(Path(sys.argv[1]), SCHEDULES['200'])\n"
        "assert len(read['arch2infos']) == 40\n"
        "assert len(read['arch2infos'][7]['full']['all_results']['cifar100', 888]['eval_acc1es']) == 3",
        str(path),
    )
    assert (thin - base) * 4 < whole - base


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_wants_to_run_something_is_refused_and_nothing_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zipped: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(
        {"meta_archs": Runs(Path.touch, Path("touched-by-a-pickle"))}, "evil.pth", _use_new_zipfile_serialization=zipped
    )
    with pytest.raises(DataError, match=r"wants to run .*nothing was run"):
        open_table(Path("evil.pth"))
    assert not Path("touched-by-a-pickle").exists()


@pytest.mark.parametrize("version", ["v1_0", "v1_1"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, files: dict[str, Path], version: str, share: float) -> None:
    whole = files[version].read_bytes()
    cut = tmp_path / "cut.pth"
    cut.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(DataError, match=r"cut\.pth is truncated, damaged"):
        open_table(cut)


def test_other_files_are_refused(tmp_path: Path) -> None:
    text, weights, plain = (tmp_path / name for name in ("text.pth", "weights.pth", "plain.pth"))
    text.write_text("index,arch,cifar10_test\n")
    torch.save({"state_dict": {"weight": torch.ones(2)}}, weights)
    plain.write_bytes(pickle.dumps({"a": 1}))
    for path in (text, plain):
        with pytest.raises(DataError, match="not the official NAS-Bench-201 file"):
            open_table(path)
    with pytest.raises(DataError, match="lacks meta_archs"):
        open_table(weights)


def test_a_missing_architecture_is_named(content: dict) -> None:
    spoiled = own(content)
    spoiled["meta_archs"].pop()
    with pytest.raises(DataError, match="1 of the 15625 architectures are missing, the first is") as caught:
        convert(spoiled)
    assert string_at(N_ARCHITECTURES - 1) in str(caught.value)


def test_missing_results_are_named(content: dict) -> None:
    spoiled = own(content)
    del spoiled["arch2infos"][6111]
    with pytest.raises(DataError, match="architecture 6111") as caught:
        convert(spoiled)
    assert string_at(6111) in str(caught.value)
    spoiled = own(content)
    del spoiled["arch2infos"][17]["full"]
    with pytest.raises(DataError, match=r"architecture 17 .*200 epochs are missing"):
        convert(spoiled)


def test_a_duplicated_or_malformed_architecture_is_named(content: dict) -> None:
    spoiled = own(content)
    spoiled["meta_archs"][9] = spoiled["meta_archs"][4]
    with pytest.raises(DataError, match=r"architecture 9: .* is already at index 4"):
        convert(spoiled)
    spoiled = own(content)
    spoiled["meta_archs"][9] = "|nor_conv_7x7~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    with pytest.raises(DataError, match=r"architecture 9: .*unknown operation 'nor_conv_7x7'"):
        convert(spoiled)


def test_results_of_another_architecture_are_refused(content: dict) -> None:
    spoiled = own(content)
    spoiled["arch2infos"][3] = dict(content["arch2infos"][4])
    with pytest.raises(DataError, match=r"architecture 3 .*belong to"):
        convert(spoiled)


def spoil_record(content: dict, index: int, dataset: str) -> tuple[dict, dict]:
    """A copy of `content`, and in it the first training of one architecture, both free to be changed."""
    spoiled = own(content)
    full = spoiled["arch2infos"][index]["full"] = copy.copy(content["arch2infos"][index]["full"])
    full["all_results"] = dict(full["all_results"])
    full["dataset_seed"] = dict(full["dataset_seed"])
    training = full["all_results"][dataset, 777] = dict(full["all_results"][dataset, 777])
    return spoiled, training


def test_another_number_of_epochs_is_refused(content: dict) -> None:
    spoiled, training = spoil_record(content, 5, "cifar10")
    training["epochs"] = 12
    with pytest.raises(DataError, match=r"architecture 5 .*seed 777 on cifar10 was trained 12 epochs, not 200"):
        convert(spoiled)


def test_a_missing_data_set_or_evaluation_is_named(content: dict) -> None:
    spoiled, _ = spoil_record(content, 5, "cifar100")
    del spoiled["arch2infos"][5]["full"]["dataset_seed"]["cifar100"]
    with pytest.raises(DataError, match=r"architecture 5 .*no training on cifar100"):
        convert(spoiled)
    spoiled, training = spoil_record(content, 5, "ImageNet16-120")
    training["eval_acc1es"] = {"x-valid@199": 1.0}
    with pytest.raises(DataError, match=r"architecture 5 .*not evaluated on x-test"):
        convert(spoiled)
