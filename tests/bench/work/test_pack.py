"""Packed output folders lose nothing, can be read everywhere, and are refused if the archive is damaged."""

import io
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from nas_selection_bench.bench.errors import DataError, ExitCode
from nas_selection_bench.bench.files import only_writer
from nas_selection_bench.bench.work.pack import (
    ARCHIVE,
    as_archive,
    contents_of,
    main,
    opened,
    pack,
    read_archive,
    unpack,
)
from nas_selection_bench.bench.work.plan_file import planned_cells
from nas_selection_bench.bench.work.store import GATHERED_FILE, Store
from tests.as_command import as_command
from tests.bench import fake_bench
from tests.fuzz.inputs import sparse_tar

answer = as_command("pack", main)

CONTENTS = {
    "records/a.json": b"{}\n",
    f"records/{'long' * 30}.json": bytes(range(256)),
    "costs/a.json": b"",
    "logs/a.txt": "für immer".encode(),
    "scores.csv": b"a,b\n" * 1000,
}


def make(folder: Path) -> Path:
    for name, content in CONTENTS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "run.json").write_text("{}")
    (folder / "records.csv").write_text("stays")
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_packed_and_unpacked_is_what_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = make(tmp_path / "out")
    before = files(out)
    assert main([str(out)]) == ExitCode.OK
    assert "5 files packed into cells.tar.xz" in capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir()) == [ARCHIVE, "records.csv", "run.json"]
    assert main([str(out), "--unpack"]) == ExitCode.OK
    assert capsys.readouterr().out.count("\n") == 1
    assert files(out) == before


def test_the_same_contents_are_the_same_bytes(tmp_path: Path) -> None:
    first, second = make(tmp_path / "first"), make(tmp_path / "second")
    for path in second.rglob("*.json"):
        path.chmod(0o600)
        path.touch()
    pack(first), pack(second)
    assert (first / ARCHIVE).read_bytes() == (second / ARCHIVE).read_bytes()
    pack(first)
    assert (first / ARCHIVE).read_bytes() == (second / ARCHIVE).read_bytes()
    assert as_archive(dict(reversed(CONTENTS.items()))) == as_archive(CONTENTS)
    with tarfile.open(first / ARCHIVE) as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == sorted(CONTENTS)
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname) for m in members} == {(0, 0, 0, "", "")}


class Killed(BaseException):
    """Like SIGKILL: it is not caught, and nothing is cleaned up after it."""


def killed_at(step: int, monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> bool:
    """Do `work`, killed just after its first `step` changes of the disk; return whether it got that far."""
    count = 0

    def counted(original: Callable[..., object]) -> Callable[..., object]:
        def change(path: Path, *rest: object, **options: object) -> object:
            nonlocal count
            count += 1
            if count > step:
                raise Killed
            return original(path, *rest, **options)

        return change

    with monkeypatch.context() as patch:
        for name in ("unlink", "rmdir", "replace", "write_bytes", "mkdir"):
            patch.setattr(Path, name, counted(getattr(Path, name)))
        try:
            work()
        except Killed:
            return True
    return False


def test_a_locked_folder_is_refused_without_naming_an_option_that_pack_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = make(tmp_path / "out")
    with only_writer(out / ".lock", wait=False):
        assert answer([str(out)]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert str(out) in said and "--out" not in said and not (out / ARCHIVE).exists()


def test_an_error_about_a_packed_folder_names_the_folder_itself(tmp_path: Path) -> None:
    out = make(tmp_path / "out")
    pack(out)
    (out / "plan.json").write_text("{")
    with pytest.raises(DataError) as caught, opened(out) as whole:
        planned_cells(Store(whole))
    assert str(out / "plan.json") in str(caught.value)


@pytest.mark.parametrize("do", [[], ["--unpack"]], ids=["packing", "unpacking"])
@pytest.mark.parametrize("then", [[], ["--unpack"]], ids=["pack", "unpack"])
def test_a_kill_at_any_moment_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, do: list[str], then: list[str]
) -> None:
    step, died = 0, True
    while died:
        out = make(tmp_path / str(step))
        before = files(out)
        if do:
            pack(out)
        died = killed_at(step, monkeypatch, lambda out=out: main([str(out), *do]))  # type: ignore[misc]
        assert main([str(out), *then]) == ExitCode.OK
        assert main([str(out)]) == ExitCode.OK
        assert read_archive(out / ARCHIVE) == CONTENTS
        assert main([str(out), "--unpack"]) == ExitCode.OK
        assert files(out) == before
        step += 1
    assert step > 10


def test_a_file_that_says_something_else_than_the_archive_is_refused(tmp_path: Path) -> None:
    out = make(tmp_path / "out")
    pack(out)
    (out / "records").mkdir()
    (out / "records" / "new.json").write_text("new")
    (out / "scores.csv").write_bytes(CONTENTS["scores.csv"])
    pack(out)  # new or equal files are packed
    assert read_archive(out / ARCHIVE) == {**CONTENTS, "records/new.json": b"new"}
    (out / "scores.csv").write_text("other")
    with pytest.raises(DataError, match=r"scores.csv differs from the one in cells.tar.xz"):
        pack(out)
    with pytest.raises(DataError, match=r"scores.csv differs from the one in cells.tar.xz"):
        unpack(out, print)
    assert (out / "scores.csv").read_text() == "other"
    assert (out / ARCHIVE).exists()


def tampered(name: str, kind: bytes = tarfile.REGTYPE) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "/etc/passwd"
        tar.addfile(member)
    return lzma.compress(buffer.getvalue())


WHOLE = as_archive(CONTENTS)
BAD = {
    "empty": b"",
    "no archive": b"hello",
    "cut off": WHOLE[: len(WHOLE) // 2],
    "cut off at the very end": WHOLE[:-1],
    "a flipped bit": WHOLE[:200] + bytes([WHOLE[200] ^ 1]) + WHOLE[201:],
    "xz of no tar": lzma.compress(b"hello" * 500),
    "absolute": tampered("/records/a.json"),
    "reaches out": tampered("../a.json"),
    "reaches out deeper": tampered("records/../../a.json"),
    "its folder": tampered("records/.."),
    "another file": tampered("run.json"),
    "a link": tampered("records/a.json", tarfile.SYMTYPE),
    "a device": tampered("records/a.json", tarfile.CHRTYPE),
    "a name that no disk takes": tampered(f"records/{'a' * 300}.json"),
    "asks for 64 GB": sparse_tar(2**36),
    "something behind its end": WHOLE + b"more",
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD.keys())
def test_a_bad_archive_is_refused_in_one_sentence_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    out = tmp_path / "in" / "out"
    out.mkdir(parents=True)
    (out / "run.json").write_text("{}")
    (out / ARCHIVE).write_bytes(content)
    for arguments in ([str(out), "--unpack"], [str(out)]):
        assert answer(arguments) == ExitCode.USAGE
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and str(out / ARCHIVE) in said
    with pytest.raises(DataError), opened(out):
        raise AssertionError("not reached")
    assert {path.name for path in tmp_path.rglob("*")} == {"in", "out", "run.json", ARCHIVE}


def test_an_archive_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ARCHIVE).write_bytes(WHOLE)
    assert read_archive(tmp_path / ARCHIVE) == CONTENTS
    monkeypatch.setattr("nas_selection_bench.bench.work.pack.MOST_BYTES", 1000)
    with pytest.raises(DataError, match="unpacks to more than 1,000 bytes"):
        read_archive(tmp_path / ARCHIVE)


def test_what_is_no_output_folder_and_one_that_is_written_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer([str(tmp_path)]) == ExitCode.USAGE
    assert "is not an output folder" in capsys.readouterr().err
    (tmp_path / "run.json").write_text("{}")
    assert answer([str(tmp_path)]) == ExitCode.USAGE
    assert "holds no records to pack" in capsys.readouterr().err
    make(tmp_path)
    with only_writer(tmp_path / ".lock", wait=False):
        assert answer([str(tmp_path)]) == ExitCode.USAGE
    assert "Another run" in capsys.readouterr().err
    assert not (tmp_path / ARCHIVE).exists()


def test_a_packed_folder_is_checked_planned_and_redrawn_like_a_loose_one(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    run = [*place, "--selectors", "random,ranks,fails"]
    assert fake_bench.run(*run) == ExitCode.SOME_CELLS_FAILED
    before = files(out)
    pack(out)
    packed = files(out)
    check = ["--table", place[place.index("--table") + 1], "--check", str(out)]
    assert fake_bench.run(*check) == ExitCode.OK
    assert fake_bench.run(*check, "--out", str(out)) == ExitCode.OK
    capsys.readouterr()
    assert fake_bench.run(*run, "--plan") == ExitCode.OK
    assert " 0 to do; " in capsys.readouterr().out
    assert files(out) == packed  # reading changes nothing
    assert fake_bench.run(*fake_bench.places(place), "--report-only") == ExitCode.SOME_CELLS_FAILED
    (out / GATHERED_FILE).unlink()
    assert files(out) == packed  # the content of the archive is still valid
    with only_writer(out / ".lock", wait=False):
        unpack(out, print)
    assert files(out) == before


def test_a_packed_folder_whose_scores_are_others_is_unpacked_when_redrawn(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert fake_bench.run(*place, "--selectors", "random") == ExitCode.OK
    whole = (out / "scores.csv").read_bytes()
    (out / "scores.csv").write_bytes(whole.replace(b"score", b"worth", 1))  # as written by a version with other columns
    pack(out)
    archived = len(read_archive(out / ARCHIVE))
    capsys.readouterr()
    assert fake_bench.run(*fake_bench.places(place), "--report-only") == ExitCode.OK
    assert capsys.readouterr().err.splitlines()[0] == (
        f"{out} was packed: unpacked {archived} files; python -m nas_selection_bench pack {out} packs it again."
    )
    assert (out / "scores.csv").read_bytes() == whole and not (out / ARCHIVE).exists()


def test_a_run_goes_on_in_a_packed_folder(place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    fake_bench.run(*place, "--selectors", "random")
    pack(out)
    capsys.readouterr()
    assert fake_bench.run(*place, "--selectors", "random,ranks") == ExitCode.OK
    said = capsys.readouterr().err
    assert said.count(f"{out} was packed: unpacked") == 1
    assert not (out / ARCHIVE).exists()
    assert "4 cells, 2 to do (2 done)" in said


def test_a_changed_score_in_the_archive_and_a_damaged_one_are_told(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    fake_bench.run(*place, "--selectors", "random")
    lines = (out / "scores.csv").read_text().splitlines()
    lines[7] = lines[7].rpartition(",")[0] + ",0.125"
    (out / "scores.csv").write_text("\n".join(lines) + "\n")
    pack(out)
    capsys.readouterr()
    check = ["--table", place[place.index("--table") + 1], "--check", str(out)]
    assert fake_bench.run(*check) == ExitCode.DIFFERS
    assert "score: stored 0.125" in capsys.readouterr().out
    content = (out / ARCHIVE).read_bytes()
    (out / ARCHIVE).write_bytes(content[:-20])
    for command in (check, [*fake_bench.places(place), "--report-only"], [*place, "--selectors", "random"]):
        assert fake_bench.run(*command) == ExitCode.USAGE
        assert "is damaged" in capsys.readouterr().err.splitlines()[-1]
    assert (out / ARCHIVE).read_bytes() == content[:-20]


def test_contents_that_a_store_reads_stay_whole_for_who_gave_them(place: list[str], tmp_path: Path) -> None:
    fake_bench.run(*place, "--selectors", "random")
    contents = contents_of(tmp_path / "out")
    before = dict(contents)
    records, damaged = Store(tmp_path / "out", contents).read_all()
    assert records and not damaged and contents == before
