"""Defaults of options, and combinations that are refused."""

import json
import pickle
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from multiprocessing.context import BaseContext
from pathlib import Path

import pytest
import torch

from nas_selection_bench.bench.commands import devices, resolve
from nas_selection_bench.bench.commands.options import Options, parse_options
from nas_selection_bench.bench.errors import DataError, UsageError
from nas_selection_bench.bench.problem.datasets import DATASETS, image_count, load_images
from nas_selection_bench.bench.work.cells import SupernetJob, supernet_key
from nas_selection_bench.bench.work.methods import MethodDeclaration
from nas_selection_bench.bench.work.plan import make_plan
from nas_selection_bench.bench.work.presets import PRESETS, Settings, preset_label, settings_for
from nas_selection_bench.bench.work.record import Circumstances
from tests.bench import fake_bench

CPU = devices.Device("cpu", "cpu", "a CPU", ())
ONE_GPU = devices.Device("cuda:0", "cuda", "a GPU", (0,))
TWO_GPUS = devices.Device("cuda:0", "cuda", "a GPU", (0, 1))


def options(*arguments: str) -> Options:
    return parse_options(list(arguments))


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas_selection_bench.bench.commands.resolve.available_cores", lambda: 4)
    monkeypatch.delenv(resolve.TABLE_VARIABLE, raising=False)


@pytest.mark.usefixtures("worker_processes")
@pytest.mark.parametrize(
    ("arguments", "device", "earlier", "jobs", "threads", "backend"),
    [
        ([], CPU, None, 4, 1, "loky"),
        (["--jobs", "2"], CPU, None, 2, 2, "loky"),
        (["--jobs", "1"], CPU, None, 1, 4, "loky"),
        (["--jobs", "8"], CPU, None, 8, 1, "loky"),
        (["--threads", "2"], CPU, None, 2, 2, "loky"),
        (["--threads", "9"], CPU, None, 1, 9, "loky"),
        ([], CPU, {"threads": 4}, 1, 4, "loky"),
        (["--jobs", "2", "--threads", "3"], CPU, None, 2, 3, "loky"),
        (["--jobs", "2"], CPU, {"threads": 1}, 2, 1, "loky"),
        (["--backend", "dask"], CPU, None, 4, 1, "dask"),
        ([], ONE_GPU, None, 1, 1, "threading"),
        (["--jobs", "3"], ONE_GPU, None, 3, 1, "threading"),
        ([], TWO_GPUS, None, 2, 1, "loky"),
    ],
)
def test_workers_threads_and_backend(
    arguments: list[str], device: devices.Device, earlier: dict[str, int] | None, jobs: int, threads: int, backend: str
) -> None:
    asked = options(*arguments)
    assert resolve.find_jobs(asked, device, threads) == jobs
    assert resolve.find_threads(asked, earlier) == threads
    pool = resolve.find_pool(asked, device, jobs, threads, Path("locks"))
    assert (pool.jobs, pool.threads, pool.backend) == (jobs, threads, backend)
    assert bool(pool.devices) == (device is TWO_GPUS)


@pytest.mark.parametrize(
    ("datasets", "kind", "arguments", "presets"),
    [
        (["digits"], "cpu", [], ["digits"]),
        (["digits"], "cuda", [], ["digits"]),
        (["cifar10", "cifar100"], "cpu", [], ["lite", "lite"]),
        (["cifar10"], "cuda", [], ["paper"]),
        (["cifar10"], "cuda", ["--preset", "lite"], ["lite"]),
    ],
)
def test_presets(datasets: list[str], kind: str, arguments: list[str], presets: list[str]) -> None:
    settings = resolve.find_settings(options(*arguments), datasets, kind)
    assert [settings[dataset].preset for dataset in datasets] == presets


def test_train_epochs_shorten_the_training() -> None:
    settings = resolve.find_settings(options("--train-epochs", "5"), ["digits"], "cpu")["digits"]
    assert (settings.epochs, settings.checkpoint_epochs) == (5, (2, 4, 5))


def test_sizes_change_what_they_name_and_enter_names_and_keys() -> None:
    def settings(*arguments: str) -> Settings:
        return resolve.find_settings(options("--preset", "lite", *arguments), ["cifar10"], "cpu")["cifar10"]

    usual = settings()
    changed = settings("--channels", "4", "--cells", "2", "--images", "128", "--train-epochs", "3")
    assert changed == replace(usual, channels=4, cells=2, images=128, epochs=3, checkpoint_epochs=(2, 3))
    assert preset_label(changed.size, changed.budget) == "lite[cells=2,channels=4,epochs=3,images=128]"
    assert settings("--budget", "lite") == usual
    assert (settings("--budget", "paper").size, settings("--budget", "paper").budget) == (
        usual.size,
        PRESETS["paper"].budget,
    )
    assert settings("--channels", "8", "--cells", "1", "--images", "10000") == usual, "the preset's own say nothing new"
    keys = {
        supernet_key(SupernetJob("cifar10", "darts", 0, 0, s), 1, "cpu", 1)
        for s in (usual, settings("--channels", "4"), settings("--cells", "2"), settings("--images", "128"))
    }
    assert len(keys) == 4
    with pytest.raises(UsageError, match="--images 127"):
        settings("--images", "127")


def test_no_more_images_can_be_asked_for_than_there_are(tmp_path: Path) -> None:
    for name in DATASETS:
        there = image_count(name, tmp_path) or 0
        resolve.refuse_too_many_images(there, [name], tmp_path)
        with pytest.raises(UsageError, match=f"--images {there + 1}: {name} has {there:,} "):
            resolve.refuse_too_many_images(there + 1, [name], tmp_path)
    assert image_count("digits", tmp_path) == len(load_images("digits", tmp_path))


@pytest.mark.parametrize(
    ("datasets", "preset", "folder"),
    [(["digits"], "digits", "out/digits"), (["cifar10", "cifar100"], "lite", "out/cifar10+cifar100-lite")],
)
def test_default_output_folder(datasets: list[str], preset: str, folder: str) -> None:
    assert resolve.default_out(datasets, dict.fromkeys(datasets, settings_for(preset))) == Path(folder)


def test_tables_are_found_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"convert-table"):
        resolve.find_table(options(), ["cifar10"], tmp_path)
    fake_bench.make_table(tmp_path / resolve.TABLE_FILE, ["cifar10"])
    assert resolve.find_table(options(), ["cifar10"], tmp_path).datasets == ("cifar10",)
    other = fake_bench.make_table(tmp_path / "other.npz", ["cifar10", "cifar100"])
    monkeypatch.setenv(resolve.TABLE_VARIABLE, str(other))
    assert resolve.find_table(options(), ["cifar10"], tmp_path).datasets == ("cifar10", "cifar100")
    third = fake_bench.make_table(tmp_path / "third.npz", ["digits"])
    assert resolve.find_table(options("--table", str(third)), ["digits"], tmp_path).datasets == ("digits",)
    with pytest.raises(UsageError, match="not cifar10"):
        resolve.find_table(options("--table", str(third)), ["cifar10"], tmp_path)


@pytest.mark.parametrize(("theirs", "ours"), [("ImageNet16-120", "imagenet16"), ("cifar10-valid", "cifar10")])
def test_the_names_of_the_packages_are_translated(tmp_path: Path, theirs: str, ours: str) -> None:
    with pytest.raises(UsageError, match=f"{theirs} is called {ours} here"):
        resolve.find_datasets(theirs, tmp_path)


def test_digits_and_others_have_different_ground_truths(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="run it separately"):
        resolve.find_table(options(), ["digits", "cifar10"], tmp_path)


def test_default_extent_of_digits_leaves_out_what_takes_long() -> None:
    asked, settings = options("--supernets", "steady"), {"digits": settings_for("digits")}
    methods = replace(fake_bench.methods(), quick_selectors="all,!f*")
    request = resolve.make_request(asked, methods, settings, Circumstances("cpu", 1))
    assert {s.name for s in request.selectors} == {n for n in fake_bench.SELECTORS if not n.startswith("f")}
    assert (request.supernet_seeds, request.selector_seeds) == (2, 1)
    request = resolve.make_request(asked, methods, {"cifar10": settings_for("lite")}, Circumstances("cpu", 1))
    assert len(request.selectors) == len(fake_bench.SELECTORS)
    assert (request.supernet_seeds, request.selector_seeds) == (3, 2)


def test_why_there_is_no_selector_of_a_name_is_for_the_selectors_to_say() -> None:
    def find(name: str) -> MethodDeclaration:
        raise UsageError(f"selectors/{name}.py offers no SELECTOR.")

    asked, methods = options("--supernets", "steady", "--selectors", "mine"), fake_bench.methods()
    with pytest.raises(UsageError, match=r"selectors/mine\.py offers no SELECTOR"):
        settings = {"digits": settings_for("digits")}
        resolve.make_request(
            asked, replace(methods, selectors=replace(methods.selectors, find=find)), settings, Circumstances("cpu", 1)
        )


@pytest.mark.parametrize("text", ["", "x", "1,x", "all,3", "-1"])
def test_malformed_epochs_are_refused(text: str) -> None:
    with pytest.raises(SystemExit) as left:
        options("--epochs", text)
    assert left.value.code == 2


@pytest.mark.parametrize("text", ["gpu", "cuda:", "cuda:x", "cuda:-1"])
def test_malformed_devices_are_refused(text: str) -> None:
    with pytest.raises(SystemExit) as left:
        options("--device", text)
    assert left.value.code == 2


def test_the_hardware_of_a_gpu_enters_keys_and_that_of_a_cpu_does_not() -> None:
    def keys(kind: str, hardware: str = "") -> set[str]:
        asked, settings = (
            options("--supernets", "steady", "--selectors", "alphas,blind"),
            {"digits": settings_for("digits")},
        )
        request = resolve.make_request(asked, fake_bench.methods(), settings, Circumstances(kind, 1, hardware))
        return {key for planned in make_plan(request) for key in (planned.supernet.key, planned.key)}

    plain, one, other = keys("cuda"), keys("cuda", "one model"), keys("cuda", "another")
    assert not plain & one and not one & other and len(one) == len(other) == len(plain)
    job = SupernetJob("digits", "darts", 0, 0, settings_for("digits"))
    assert supernet_key(job, 1, "cpu", 1) == supernet_key(job, 1, "cpu", 1, "")


def test_results_of_other_hardware_are_not_gone_on_with(tmp_path: Path) -> None:
    now = {"hardware": "one model"}
    resolve.refuse_another_experiment(tmp_path, now, now)
    with pytest.raises(UsageError, match="hardware one model"):
        resolve.refuse_another_experiment(tmp_path, now, {"hardware": "another"})


def test_hardware_is_verified_by_a_record_that_passed_on_it(tmp_path: Path) -> None:
    def store(name: str, **record: object) -> None:
        (tmp_path / "gpu").mkdir(exist_ok=True)
        (tmp_path / "gpu" / f"{name}.json").write_text(json.dumps({"small": False, "passed": True} | record))

    assert not devices.verified("one model", tmp_path)
    store("failed", hardware="one model", passed=False)
    store("other", hardware="another")
    store("small", hardware="one model", small=True)
    (tmp_path / "gpu" / "damaged.json").write_text("{")
    (tmp_path / "gpu" / "foreign.json").write_text("{}")
    assert not devices.verified("one model", tmp_path)
    store("passed", hardware="one model")
    assert devices.verified("one model", tmp_path)


@pytest.mark.parametrize(
    ("name", "apart", "indices"), [("cuda", True, (0, 1)), ("auto", True, (0, 1)), ("cuda:1", False, (1,))]
)
def test_gpus_that_workers_share_are_asked_by_another_process(
    name: str, apart: bool, indices: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a GPU accepts only one process, a process that queries it would occupy it."""
    asked: list[str] = []

    class Apart:
        def __init__(self, workers: int, context: BaseContext) -> None:
            assert context.get_start_method() == "spawn", "a fork would share the parent's state of CUDA"

        def __enter__(self) -> "Apart":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def submit(self, function: Callable[..., object], index: int) -> "Future[object]":
            assert pickle.loads(pickle.dumps(function)) is function
            asked.append("apart")
            future: Future[object] = Future()
            future.set_result(("a model", f"hardware {index}"))
            return future

    def here(index: int) -> str:
        asked.append("here")
        return "a model"

    monkeypatch.setattr(devices, "may_have_gpus", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", here)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: (9, 0))
    monkeypatch.setattr(devices, "ProcessPoolExecutor", Apart)
    found = devices.find_device(name)
    assert (asked, found.indices, found.described) == (["apart" if apart else "here"], indices, "a model")
    assert found.hardware
