"""Record files: contents, refusals, and detection of damage."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_selection_bench.bench.errors import DataError, UsageError
from nas_selection_bench.bench.problem.selection import Decision, Ranking, Selection
from nas_selection_bench.bench.work.gather import as_csv
from nas_selection_bench.bench.work.json_files import digest_of
from nas_selection_bench.bench.work.plan_file import sort_key
from nas_selection_bench.bench.work.presets import PRESETS, Settings, preset_label, settings_for, settings_labelled
from nas_selection_bench.bench.work.record import (
    KEY_COLUMNS,
    Record,
    choice_of,
    file_stem,
    read_record,
    write_record,
)
from nas_selection_bench.bench.work.store import Store


def selection(**changes: object) -> Selection:
    scores = np.arange(30, dtype=np.float64).reshape(6, 5) / 7
    decisions = [Decision(edge, 4) for edge in (3, 1, 2, 0, 5, 4)]
    parts: dict[str, object] = {"architecture": (4,) * 6, "scores": scores, "decisions": decisions}
    return Selection(**{**parts, **changes})  # type: ignore[arg-type]


COLUMNS = dict(zip(KEY_COLUMNS, ("digits", "darts", 0, 8, "a[b=1,c=2]", 0, "batch", "digits", "cpu", 1), strict=True))


def done(chosen: Selection, **fields: Any) -> Record:
    given = {"key": "k", "state": "done", "version": 1, "recipe_version": 1, "choice": choice_of(chosen), **fields}
    return Record(cell=COLUMNS, **given)


def test_a_selection_survives_its_record_exactly(tmp_path: Path) -> None:
    ranking = Ranking(np.array([3, 1, 15624]), np.array([0.1, 1 / 3, -2e-300]))
    before = selection(ranking=ranking, facts={"loss": 0.1 + 0.2, "note": "x"})
    write_record(tmp_path / "r.json", done(before))
    record = read_record((tmp_path / "r.json").read_bytes(), tmp_path / "r.json")
    assert record is not None
    after = record.selection()
    assert (after.architecture, after.decisions, after.facts) == (before.architecture, before.decisions, before.facts)
    assert np.array_equal(after.scores, before.scores)
    assert after.ranking is not None
    assert np.array_equal(after.ranking.codes, ranking.codes) and np.array_equal(after.ranking.scores, ranking.scores)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scores": np.zeros((5, 6))}, "shape"),
        ({"scores": np.full((6, 5), np.inf)}, "not finite"),
        ({"decisions": [Decision(0, 4)] * 6}, "not each edge once"),
        ({"decisions": [Decision(edge, 3) for edge in range(6)]}, "do not lead to the architecture"),
        ({"ranking": Ranking(np.array([1]), np.array([np.nan]))}, "not finite"),
        ({"scores": None}, r"scores of shape \(\), not \(6, 5\)"),
        ({"scores": np.arange(30.0)}, r"scores of shape \(30,\), not \(6, 5\)"),
        ({"scores": np.zeros((1, 6, 5))}, r"scores of shape \(1, 6, 5\), not \(6, 5\)"),
        ({"scores": [[0.0]] * 3 + [[0.0, 1.0]] * 3}, r"scores of shape \(\), not \(6, 5\)"),
        ({"scores": np.zeros((6, 5), dtype=complex)}, "scores that are not numbers"),
        ({"scores": [["best"] * 5] * 6}, "scores that are not numbers"),
        ({"decisions": None}, "not a list of Decision"),
        ({"decisions": [(edge, 4) for edge in range(6)]}, "not a list of Decision"),
        ({"decisions": [Decision(edge, -1) for edge in range(6)], "architecture": (-1,) * 6}, "not all from 0 to 4"),
        ({"decisions": [Decision(edge, 9) for edge in range(6)], "architecture": (9,) * 6}, "not all from 0 to 4"),
        (
            {"decisions": [Decision(edge, 1.5) for edge in range(6)], "architecture": (1.5,) * 6},  # type: ignore[arg-type]
            "not whole numbers",
        ),
        ({"architecture": (4,) * 7}, "do not lead to the architecture"),
        ({"architecture": (4,) * 5}, "do not lead to the architecture"),
        ({"architecture": "|nor_conv_3x3~0|"}, "do not lead to the architecture"),
        ({"architecture": None}, "do not lead to the architecture"),
        ({"ranking": Ranking(np.array([1, 1]), np.array([1.0, 2.0]))}, "ranked an architecture twice"),
        ({"ranking": Ranking(np.array([1, 15625]), np.array([1.0, 2.0]))}, "not from 0 to 15624"),
        ({"ranking": Ranking(np.array([1, -3]), np.array([1.0, 2.0]))}, "not from 0 to 15624"),
        ({"ranking": Ranking(np.array([5.7, 6.2]), np.array([1.0, 2.0]))}, "codes that are not whole numbers"),
        ({"ranking": Ranking(np.array([1, 2, 3]), np.array([1.0, 2.0]))}, r"shape \(3,\) and scores of shape \(2,\)"),
        ({"ranking": Ranking(np.array([]), np.array([]))}, "at least one architecture"),
        ({"ranking": (np.array([1]), np.array([1.0]))}, "at least one architecture"),
        ({"facts": None}, "facts that are not a dictionary"),
        ({"facts": {3: 1.0, "a": 2}}, "a fact named 3"),
        ({"facts": {"loss": float("nan")}}, "fact 'loss' cannot be stored"),
        ({"facts": {"network": object()}}, "fact 'network' cannot be stored"),
    ],
)
def test_a_selection_that_breaks_the_contract_is_no_result(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        choice_of(selection(**changes))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("answer", [None, ((4,) * 6, np.zeros((6, 5)))])
def test_what_is_no_selection_is_no_result(answer: object) -> None:
    with pytest.raises(ValueError, match="returned no Selection"):
        choice_of(answer)  # type: ignore[arg-type]


def test_numbers_may_have_any_type() -> None:
    """A numpy integer in the facts, or an architecture in an array, is unambiguous."""
    ranking = Ranking(np.array([3.0, 1.0]), np.array([1, 2], dtype=np.float32))
    plain = selection(ranking=Ranking(np.array([3, 1]), np.array([1.0, 2.0])), facts={"n": 3, "v": [0.0, 1.0]})
    mixed = selection(
        ranking=ranking, facts={"n": np.int64(3), "v": np.arange(2.0)}, architecture=np.array((4,) * 6),
        decisions=[Decision(np.int64(d.edge), np.int64(d.operation)) for d in plain.decisions],  # type: ignore[arg-type]
        scores=plain.scores.tolist(),
    )  # fmt: skip
    assert json.dumps(choice_of(mixed)) == json.dumps(choice_of(plain))


@given(st.data())
def test_any_changed_byte_is_damage_or_another_schema(data: st.DataObject) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r.json"
        write_record(path, done(selection()))
        content = bytearray(path.read_bytes())
        position = data.draw(st.integers(0, len(content) - 2))
        content[position] = data.draw(st.integers(0x20, 0x7E).filter(lambda byte: byte != content[position]))
        before = read_record(path.read_bytes(), path)
        path.write_bytes(content)
        try:
            after = read_record(path.read_bytes(), path)
        except DataError:
            return
        # If it still reads as a record, its content is the same (say, a number in a different spelling).
        assert after is None or after == before


def test_a_number_damaged_into_infinity_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    write_record(path, done(selection()))
    damaged = re.sub(r"\d+\.\d+", "9e999", path.read_text(), count=1)
    assert damaged != path.read_text()
    path.write_text(damaged)
    assert read_record(path.read_bytes(), path) is None


def test_a_newer_schema_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(json.dumps({"schema": 7}))
    with pytest.raises(DataError, match="schema 7, which a newer version"):
        read_record((tmp_path / "r.json").read_bytes(), tmp_path / "r.json")


def labelled(settings: Settings) -> str:
    return preset_label(settings.size, settings.budget)


def test_the_preset_column_tells_what_the_command_line_changed() -> None:
    assert {name: labelled(settings) for name, settings in PRESETS.items()} == {name: name for name in PRESETS}
    assert labelled(settings_for("lite").with_epochs(4)) == "lite[epochs=4]"
    assert labelled(replace(settings_for("paper"), images=100, channels=4)) == "paper[channels=4,images=100]"
    assert labelled(replace(settings_for("lite"), checkpoint_epochs=(10,))) != "lite"


@given(
    st.sampled_from(sorted(PRESETS)), st.none() | st.integers(1, 200),
    st.fixed_dictionaries({}, optional={
        "channels": st.integers(1, 64), "images": st.none() | st.integers(128, 50_000),
        "selection_images": st.none() | st.integers(1, 999), "validation_batches": st.integers(1, 99),
    }),
)  # fmt: skip
def test_a_label_names_its_settings(preset: str, epochs: int | None, changes: dict[str, int | None]) -> None:
    settings = replace(settings_for(preset), **changes)  # type: ignore[arg-type]
    settings = settings if epochs is None else settings.with_epochs(epochs)
    assert settings_labelled(labelled(settings)) == settings


@pytest.mark.parametrize(
    "label",
    ["huge", "lite[x=1]", "lite[epochs]", "lite[cells=print()]", "lite[epochs=0]", "lite[epochs=many]", "lite[["],
)
def test_a_label_of_another_program_is_one_sentence(label: str) -> None:
    with pytest.raises(UsageError):
        settings_labelled(label)


def test_file_names_are_readable_safe_and_unique() -> None:
    stem = file_stem(COLUMNS)
    assert stem.startswith("digits.darts.s0.e8.a_b_1_c_2_.0.")
    others = [{**COLUMNS, name: "x" if isinstance(value, str) else 9} for name, value in COLUMNS.items()]
    others.append({**COLUMNS, "selector": "a[b=1;c=2]"})
    assert len({file_stem(other) for other in [COLUMNS, *others]}) == len(others) + 1
    assert len(file_stem({**COLUMNS, "selector": "long" * 100})) < 140


def test_rows_are_sorted_by_number_where_columns_are_numbers() -> None:
    rows = [{**COLUMNS, "epoch": epoch} for epoch in (100, 20, 3)]
    assert [row["epoch"] for row in sorted(rows, key=sort_key)] == [3, 20, 100]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_survive_the_csv(value: float) -> None:
    assert float(as_csv(["x"], [{"x": value}]).splitlines()[1]) == value


def test_a_store_reads_a_file_once_and_again_when_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, reads = Store(tmp_path), []
    store.records.mkdir()

    def counted(content: bytes, path: Path) -> Record | None:
        reads.append(path)
        return read_record(content, path)

    monkeypatch.setattr("nas_selection_bench.bench.work.store.read_record", counted)
    stem = file_stem(COLUMNS)
    record = done(selection())
    store.write(stem, record)
    first, _ = store.read_all()
    assert store.read_all()[0] == first and len(reads) == 1
    store.write(stem, replace(record, version=2))
    assert store.read_all()[0][stem].version == 2 and len(reads) == 2
    store.set_aside(stem)
    assert store.read_all()[0] == {} and store.read_aside()[stem].version == 2
    store.put_back(stem)
    (store.records / f"{stem}.json").write_text("{}")
    assert store.read_all() == ({}, [store.records / f"{stem}.json"])


def test_what_never_returns_is_not_left_behind(tmp_path: Path) -> None:
    """Failures are not kept aside, and remains of them after a kill are removed; a result and its cost stay."""
    store = Store(tmp_path)
    for folder in (store.records, store.costs):
        folder.mkdir()
    stem, result = file_stem(COLUMNS), done(selection())
    record, cost = store.records / f"{stem}.json", store.costs / f"{stem}.json"
    failure = replace(result, state="failed", choice=None, reason="why")
    store.write(stem, failure)
    store.set_aside(stem)
    assert not list(tmp_path.glob("*/*")), "a failure, and no cost"
    store.write(stem, failure)
    record.replace(f"{record}.old")
    cost.with_name(f"{cost.name}.old").write_text("{}")
    store.drop_replaced()
    assert not list(tmp_path.glob("*/*")), "a failure that was set aside"
    store.write(stem, result)
    cost.write_text("{}")
    store.set_aside(stem)
    store.write(stem, failure)
    before = sorted(path.name for path in tmp_path.glob("*/*"))
    store.drop_replaced()
    assert sorted(path.name for path in tmp_path.glob("*/*")) == before
    assert store.read_aside() == {stem: result}
    store.put_back(stem)
    assert store.read_all()[0] == {stem: result} and cost.exists()
    cost.replace(f"{cost}.old")  # killed while setting it aside
    store.drop_replaced()
    assert cost.exists() and not list(tmp_path.glob("*/*.old"))


@given(
    st.sampled_from(["done", "failed", "skipped"]),
    st.none() | st.text(max_size=9),
    st.none() | st.text(max_size=9),
    st.none() | st.integers(),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
)
def test_a_record_is_what_its_json_says(
    state: str, reason: str | None, where: str | None, root: int | None, accuracy: float | None
) -> None:
    chosen = {"choice": choice_of(selection())} if state == "done" else {"choice": None}
    record = done(selection(), **{"state": state, "reason": reason, "where": where, "root": root, **chosen},
                  supernet_accuracy=accuracy)  # fmt: skip
    assert Record.from_json(json.loads(json.dumps(record.to_json()))) == record


@pytest.mark.parametrize(
    "missing", ["cell", "key", "state", "reason", "log", "checkpoint", "version", "recipe_version"]
)
def test_what_lacks_a_field_is_no_record(missing: str, tmp_path: Path) -> None:
    content = done(selection()).to_json()
    del content[missing]
    content["digest"] = digest_of(content)
    (tmp_path / "r.json").write_text(json.dumps(content))
    assert read_record((tmp_path / "r.json").read_bytes(), tmp_path / "r.json") is None


@pytest.mark.parametrize("state", ["", "gone", None, 3, ["done"]])
def test_a_state_that_no_cell_can_have_is_no_record(state: object, tmp_path: Path) -> None:
    content = done(selection()).to_json() | {"state": state}
    content["digest"] = digest_of(content)
    (tmp_path / "r.json").write_text(json.dumps(content))
    assert read_record((tmp_path / "r.json").read_bytes(), tmp_path / "r.json") is None
