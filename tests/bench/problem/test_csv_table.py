"""CSV tables in common formats are read correctly or refused with the reason, never misread."""

import bz2
import csv
import gzip
import io
import lzma
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nas_selection_bench.bench.errors import DataError
from nas_selection_bench.bench.problem.accuracies import Accuracies
from nas_selection_bench.bench.problem.equivalence import function_classes, published_classes, representatives
from nas_selection_bench.bench.problem.open_table import open_table
from nas_selection_bench.bench.problem.space import N_ARCHITECTURES, architecture_of, to_string
from nas_selection_bench.bench.problem.table import GroundTruth
from tests.bench.synthetic_table import accuracies

INDEX = np.random.default_rng(5).permutation(N_ARCHITECTURES)
TEST, VALID, PARAMETERS = accuracies(0), accuracies(2), 70_000.0 + np.arange(N_ARCHITECTURES)
STRINGS = [to_string(architecture_of(position)) for position in range(N_ARCHITECTURES)]
COLUMNS: dict[str, list[str]] = {
    "index": [str(i) for i in INDEX],
    "arch": STRINGS,
    "cifar10_test": [repr(value) for value in TEST.tolist()],
    "cifar10_valid": [repr(value) for value in VALID.tolist()],
    "cifar10_params": [f"{value:.0f}" for value in PARAMETERS],
}


def expected() -> str:
    """The digest of the table that every valid format must give, computed without any file."""
    held = Accuracies(test=TEST, valid=VALID, parameters=PARAMETERS)
    return GroundTruth("any", {"cifar10": held}, INDEX).sha256


def text(columns: dict[str, list[str]], separator: str = ",", end: str = "\n", quoting: int = csv.QUOTE_MINIMAL) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=separator, lineterminator=end, quoting=quoting)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return stream.getvalue()


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    order=st.permutations(list(COLUMNS)), separator=st.sampled_from(",;\t"), end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]), packed=st.booleans(), quoted=st.booleans(),
    spaced=st.booleans(), remark=st.booleans(), blank=st.booleans(), capital=st.booleans(), comma=st.booleans(),
    suffix=st.sampled_from([".csv", ".csv.gz", ".CSV"]),
)  # fmt: skip
def test_every_spelling_gives_the_same_table(  # type: ignore[no-untyped-def]
    tmp_path_factory, order, separator, end, encoding, packed, quoted, spaced, remark, blank, capital, comma, suffix
) -> None:
    columns = {name: COLUMNS[name] for name in order}
    if comma and separator == ";":
        columns = {n: [v.replace(".", ",") for v in c] if n != "arch" else c for n, c in columns.items()}
    if spaced:
        columns = {f" {name} ": [f" {value} " for value in column] for name, column in columns.items()}
    if capital:
        columns = {name.replace("index", "Index").replace("arch", "Arch"): c for name, c in columns.items()}
    content = text(columns, separator, end, csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    if blank:
        content = content.replace(end, end + end) + end
    if remark:
        content = f"# NAS-Bench-201 v1_1, made by hand{end}{end}" + content
    raw = content.encode(encoding)
    path = tmp_path_factory.mktemp("csv") / f"table{suffix}"
    path.write_bytes(gzip.compress(raw, 1) if packed else raw)
    table = open_table(path)
    assert table.sha256 == expected()
    assert (table.name, table.notes) == ("table", ())


def written(tmp_path: Path, columns: dict[str, list[str]]) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(text(columns))
    return path


@pytest.mark.parametrize(
    ("wrap", "rows"), [(lambda a: f"Structure(4 nodes with {a})", 40), (lambda a: f" {a.replace('|', ' | ')}\n", 40)]
)
def test_architectures_may_be_wrapped(tmp_path: Path, wrap, rows: int) -> None:  # type: ignore[no-untyped-def]
    arch = [wrap(a) if n % rows == 0 else a for n, a in enumerate(STRINGS)]
    assert open_table(written(tmp_path, {**COLUMNS, "arch": arch})).sha256 == expected()


def test_the_names_of_the_packages_are_understood(tmp_path: Path) -> None:
    test, valid = COLUMNS["cifar10_test"], COLUMNS["cifar10_valid"]
    table = open_table(written(tmp_path, {
        "arch": STRINGS, "cifar10_test": test, "cifar10-valid_valid": valid, "cifar10-valid_test": valid,
        "ImageNet16-120_test": test, "ImageNet16-120_valid": valid,
        "cifar10_params_millions": [repr(float(value) / 1e6) for value in PARAMETERS],
    }))  # fmt: skip
    assert table.datasets == ("cifar10", "imagenet16")
    for dataset in table.datasets:
        np.testing.assert_array_equal(table.accuracy(dataset), TEST)
        np.testing.assert_array_equal(table.accuracy(dataset, "valid"), VALID)
    np.testing.assert_array_equal(table.parameters("cifar10"), PARAMETERS)
    assert table.notes == ("columns not read: cifar10-valid_test",)


def test_the_short_schedule_is_read_where_it_is_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, {**COLUMNS, "cifar10_test_12": COLUMNS["cifar10_valid"], "remark": ["x"] * len(STRINGS)})
    assert open_table(path).sha256 == expected()
    short = open_table(path, "12")
    assert short.name == "table-12"
    np.testing.assert_array_equal(short.accuracy("cifar10"), VALID)
    assert not short.has("cifar10", "valid") and short.parameters("cifar10") is not None


@pytest.mark.parametrize(
    ("classes_of", "count"), [(published_classes, 6466), (function_classes, 5044)], ids=["published", "exact"]
)
def test_a_table_of_unique_cells_is_filled(tmp_path: Path, classes_of, count: int) -> None:  # type: ignore[no-untyped-def]
    classes = classes_of()
    members = representatives(classes)
    assert len(members) == count
    columns = {name: [column[m] for m in members] for name, column in COLUMNS.items()}
    table = open_table(written(tmp_path, columns))
    np.testing.assert_array_equal(table.accuracy("cifar10"), TEST[members][classes])
    assert np.array_equal(table.index[members], INDEX[members]) and len(set(table.index.tolist())) == N_ARCHITECTURES
    assert table.notes == (f"{N_ARCHITECTURES - count} architectures were filled in from equivalent ones",)
    columns = {name: column[:-1] for name, column in columns.items()}
    with pytest.raises(DataError, match="architectures are missing"):
        open_table(written(tmp_path, columns))


def mapped(column: str, change) -> dict[str, list[str]]:  # type: ignore[no-untyped-def]
    return {**COLUMNS, column: [change(float(value)) for value in COLUMNS[column]]}


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (mapped("cifar10_params", lambda v: repr(v / 1e6)), "give plain counts"),
        (mapped("cifar10_params", lambda v: repr(v + 0.5)), "give plain counts"),
        (mapped("cifar10_params", lambda v: "-1"), "give plain counts"),
        (mapped("cifar10_params", lambda v: "0"), "give plain counts"),
        (mapped("cifar10_params", lambda v: f"-{v}" if v == 70_003 else repr(v)), "give plain counts"),
        (mapped("cifar10_params", lambda v: f"{v / 1000:.0f}"), "give plain counts"),
        ({**COLUMNS, "cifar10_flops": mapped("cifar10_params", lambda v: f"{v / 5:.0f}")["cifar10_params"]}, "units"),
        ({"arch": STRINGS, "x_test": COLUMNS["cifar10_test"], "x_params_millions": COLUMNS["cifar10_params"]}, "plain"),
        (mapped("cifar10_test", lambda v: repr(v / 100)), "fractions"),
        (mapped("cifar10_valid", lambda v: repr(v / 100)), "fractions"),
        (mapped("cifar10_test", lambda v: repr(100 - v)), "error rates"),
        ({**COLUMNS, "cifar10_test_777": COLUMNS["cifar10_params"]}, "0..100"),
        (
            {**COLUMNS, "cifar10_test_777": mapped("cifar10_test", lambda v: repr(v * 0.7))["cifar10_test"]},
            "same table",
        ),
        (mapped("index", lambda v: repr(v + 0.5)), "whole number"),
        *(
            (mapped("index", lambda v, wrong=wrong: wrong if v == 8 else f"{v:.0f}"), "whole number")
            for wrong in ("nan", "inf", "-1", "1e300")
        ),
        (mapped("index", lambda v: "7" if v == 8 else f"{v:.0f}"), "whole number"),
        (mapped("cifar10_test", lambda v: f"{v} %"), r"line 2, column cifar10_test: .* is not a number"),
        (mapped("cifar10_test", lambda v: f"{int(v)}_0"), "is not a number"),
        ({**COLUMNS, "ARCH": STRINGS}, "appears twice|several columns"),
        ({**COLUMNS, "cifar10_TEST": COLUMNS["cifar10_test"]}, "appears twice"),
        ({**COLUMNS, "cifar10-valid_valid": COLUMNS["cifar10_valid"]}, "two columns give valid of cifar10"),
        ({"architektur": STRINGS, "cifar10_test": COLUMNS["cifar10_test"]}, "columns found: architektur, cifar10_test"),
        ({"arch": STRINGS, "cifar10 test": COLUMNS["cifar10_test"]}, "columns found: arch, cifar10 test"),
    ],
)
def test_what_would_be_misread_is_refused_by_name(tmp_path: Path, columns: dict[str, list[str]], said: str) -> None:
    with pytest.raises(DataError, match=said):
        open_table(written(tmp_path, columns))


@pytest.mark.parametrize("pack", [bz2.compress, lzma.compress, gzip.compress])
def test_another_wrapping_is_named(tmp_path: Path, pack) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress(pack(b"arch,x_test\n")))
    with pytest.raises(DataError, match=r"is packed with (bz2|xz|gzip twice): unpack it"):
        open_table(path)


@pytest.mark.parametrize(
    "content",
    [
        b"\x1f\x8b",
        gzip.compress(b"arch,x_test\n", mtime=0)[:-9],
        b"arch,\0\n",
        b"\xff\xfea",
        b"\xff",
        b"{" + 200_000 * b"k" + b"}\n",
    ],
)
def test_damage_is_called_damage(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"truncated or damaged"):
        open_table(path)


def test_a_file_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(2**8 + 1):
            file.write(b"\n" * 2**20)
    with pytest.raises(DataError, match="more than 268,435,456 bytes"):
        open_table(path)
