"""Stored results of fake methods: redrawn by --report-only, compared by --check, and refused if damaged."""

from dataclasses import replace
from pathlib import Path

import pytest

from nas_selection_bench.bench.commands import devices
from nas_selection_bench.bench.errors import ExitCode
from nas_selection_bench.bench.work.methods import Source
from tests.bench import fake_bench
from tests.bench.fake_bench import places, results, rows, states


def test_report_only_gathers_what_is_there_and_computes_nothing(place: list[str], tmp_path: Path) -> None:
    fake_bench.run(*place, "--selectors", "random,ranks")
    before = results(tmp_path / "out")
    (tmp_path / "out" / "records.csv").unlink()
    assert fake_bench.run(*places(place), "--report-only") == ExitCode.OK
    assert results(tmp_path / "out") == before
    next((tmp_path / "out" / "records").glob("*ranks*")).unlink()
    assert fake_bench.run(*places(place), "--report-only") == ExitCode.OK
    assert states(tmp_path / "out") == {"done": 3, "missing": 1}


def test_what_any_command_of_the_folder_asked_for_is_missing_until_it_is_done(place: list[str], tmp_path: Path) -> None:
    fake_bench.run(*place, "--selectors", "random")
    fake_bench.run(*place, "--selectors", "ranks")
    for path in (tmp_path / "out" / "records").iterdir():
        path.unlink()
    asked = rows(tmp_path / "out")
    fake_bench.run(*places(place), "--report-only")
    again = rows(tmp_path / "out")
    place_of = ["selector", "supernet_seed"]
    assert [[row[name] for name in place_of] for row in again] == [[row[name] for name in place_of] for row in asked]
    assert {row["selector"] for row in again if row["state"] == "missing"} == {"random", "ranks"}


@pytest.mark.parametrize("task", ["--report-only", "run"])
def test_folders_and_dangling_links_are_no_records(place: list[str], tmp_path: Path, task: str) -> None:
    out, line = tmp_path / "out", [*place, "--selectors", "random,ranks"]
    fake_bench.run(*line)
    before = results(out)
    for folder in (out / "records", out / "costs"):
        for ending in ("json", "json.old"):
            (folder / f"folder.{ending}").mkdir()
            (folder / f"link.{ending}").symlink_to("nowhere")
    assert fake_bench.run(*(line if task == "run" else [*places(place), task])) == ExitCode.OK
    assert {name: (out / name).read_bytes() for name in before} == before


def test_another_table_is_refused_when_results_are_drawn_again(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_bench.run(*place, "--selectors", "random")
    other = fake_bench.make_table(tmp_path / "other.npz", worth=9.0)
    assert fake_bench.run(*places(place), "--report-only", "--table", other) == ExitCode.USAGE
    assert "whose numbers differ" in capsys.readouterr().err


def test_results_drawn_again_are_looked_for_where_a_run_on_a_gpu_puts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(devices, "find_device", lambda name: devices.Device("cuda:0", "cuda", "a GPU", (0,)))
    assert fake_bench.run("--datasets", "cifar10", "--report-only") == ExitCode.USAGE
    assert "cifar10-paper" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["[1]", "5", "{}", '{"table": {}, "datasets": []}', None])
@pytest.mark.parametrize("task", ["--plan", "--report-only", "--check"])
def test_a_run_json_of_another_program_is_one_line_and_exit_2(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, task: str
) -> None:
    path = tmp_path / "out" / "run.json"
    path.parent.mkdir()
    path.mkdir() if content is None else path.write_text(content)
    asked = [task, str(tmp_path / "out")] if task == "--check" else [task]
    assert fake_bench.run(*places(place), *asked) == ExitCode.USAGE
    assert str(path) in capsys.readouterr().err


@pytest.mark.parametrize("content", ['{"cells":[1]}', '{"cells":[{"dataset":"digits"}]}', "{}", "[]", "\ufeff"])
def test_a_damaged_plan_is_one_line_and_exit_2(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    fake_bench.run(*place, "--selectors", "random")
    capsys.readouterr()
    (tmp_path / "out" / "plan.json").write_text(content)
    assert fake_bench.run(*places(place), "--report-only") == ExitCode.USAGE
    assert "plan.json is damaged" in capsys.readouterr().err
    for more in ([], ["--selectors", "random"]):
        for mode in ([], ["--plan"]):
            assert fake_bench.run(*place, *more, *mode) == ExitCode.USAGE
            said = capsys.readouterr().err
            assert "plan.json is damaged" in said and said.count("\n") == 1, "before anything is announced"
            assert "lacks the entry cells" in said or content not in ("{}", "[]")


def test_check_tells_which_selectors_have_changed_since(
    place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = {"random": "r1", "ranks": "k1"}
    plain = fake_bench.methods()
    selectors = replace(plain.selectors, source=lambda name: Source(f"selectors/{name}.py", now[name]))  # type: ignore[type-var]
    monkeypatch.setattr(fake_bench, "methods", lambda: replace(plain, selectors=selectors))
    fake_bench.run(*place, "--selectors", "random,ranks")
    check = ["--table", place[place.index("--table") + 1], "--check", str(tmp_path / "out")]
    capsys.readouterr()
    assert fake_bench.run(*check) == ExitCode.OK
    assert "has changed" not in capsys.readouterr().err
    now["random"] = "r2"
    assert fake_bench.run(*check) == ExitCode.OK
    told = [line for line in capsys.readouterr().err.splitlines() if "has changed" in line]
    assert len(told) == 1 and "selectors/random.py" in told[0] and "2 results" in told[0]


def test_damaged_costs_are_left_out_and_a_neighbour_costs_nothing(place: list[str], tmp_path: Path) -> None:
    fake_bench.run(*place, "--selectors", "random")
    (tmp_path / "out" / "costs" / "a.json").write_text('{"cell":{}}')
    assert fake_bench.run(*places(place), "--report-only") == ExitCode.OK
    header = (tmp_path / "out" / "costs.csv").read_text().splitlines()[0]
    neighbours = {"a": b"threads,cpu\n4,b\n", "b": b"\xff\xfe", "c": f"{header}\n{'x,' * 20}x\n".encode()}
    for name, content in neighbours.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "costs.csv").write_bytes(content)
    assert fake_bench.run(*place, "--selectors", "random,ranks", "--plan") == ExitCode.OK


def test_check_holds_for_what_was_stored_and_tells_what_differs(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_bench.run(*place, "--selectors", "random,ranks")
    without_out = [argument for argument in places(place) if argument not in ("--out", str(tmp_path / "out"))]
    assert fake_bench.run(*without_out, "--check", tmp_path / "out") == ExitCode.OK
    path = tmp_path / "out" / "records.csv"
    path.write_text(path.read_text().replace(",ranks,", ",ranked,", 1))
    capsys.readouterr()
    assert fake_bench.run(*without_out, "--check", tmp_path / "out") == ExitCode.DIFFERS
    assert "ranked" in capsys.readouterr().out
    assert fake_bench.run(*without_out, "--check", tmp_path / "nowhere") == ExitCode.USAGE


def test_check_compares_a_fresh_run_with_the_stored_one(place: list[str], tmp_path: Path) -> None:
    fake_bench.run(*place, "--selectors", "random")
    fresh = [*place, "--out", str(tmp_path / "fresh"), "--cache", str(tmp_path / "fresh-cache")]
    fake_bench.run(*fresh, "--selectors", "random")
    assert fake_bench.run(*places(fresh), "--check", tmp_path / "out") == ExitCode.OK
    path = tmp_path / "fresh" / "records.csv"
    path.write_text(path.read_text().replace(",done,", ",failed,", 1))
    assert fake_bench.run(*places(fresh), "--check", tmp_path / "out") == ExitCode.DIFFERS
