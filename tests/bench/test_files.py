"""Files are complete or absent, and a folder has only one writer."""

import errno
import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nas_selection_bench.bench.errors import DataError, UsageError
from nas_selection_bench.bench.files import (
    expanded,
    is_disk_trouble,
    make_folder,
    only_writer,
    sweep,
    unwritable,
    write_whole,
)


def test_what_was_written_is_read_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", "one")
    write_whole(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_text() == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_failing_write_keeps_the_old_file_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_whole(tmp_path / "a", "old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("nas_selection_bench.bench.files.os.fsync", full)
    with pytest.raises(DataError, match="disk is full") as caught:
        write_whole(tmp_path / "a", "new")
    assert is_disk_trouble(caught.value)
    assert (tmp_path / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_real_full_device_is_told() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OSError) as caught, open("/dev/full", "w") as stream:
        stream.write("x" * 100_000)
    assert is_disk_trouble(caught.value)
    assert not is_disk_trouble(ValueError("x")) and not is_disk_trouble(OSError(errno.ENOENT, "x"))


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(DataError, match="choose another folder") as caught:
            make_folder(path)
        assert str(path) in str(caught.value)


def test_what_a_killed_writer_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".a.json.123.part").touch()
    (tmp_path / "a.json").touch()
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_one_writer_at_a_time_and_a_dead_one_does_not_count(tmp_path: Path) -> None:
    hold = f"""
import sys, time
from pathlib import Path
from nas_selection_bench.bench.files import only_writer
with only_writer(Path({str(tmp_path / "lock")!r}), wait=False):
    print("held", flush=True)
    time.sleep(60)
"""
    holder = subprocess.Popen(
        [sys.executable, "-c", hold], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    with pytest.raises(DataError, match=f"process {holder.pid}"), only_writer(tmp_path / "lock", wait=False):
        pass
    holder.kill()
    holder.communicate()
    with only_writer(tmp_path / "lock", wait=False):
        pass


def test_many_writers_take_turns_and_leave_no_lock_behind(tmp_path: Path) -> None:
    take_turns = f"""
from pathlib import Path
from nas_selection_bench.bench.files import only_writer
folder = Path({str(tmp_path)!r})
for _ in range(40):
    with only_writer(folder / "lock", wait=True):
        count = int((folder / "count").read_text())
        (folder / "count").write_text(str(count + 1))
"""
    (tmp_path / "count").write_text("0")
    root = Path(__file__).parents[2]
    processes = [subprocess.Popen([sys.executable, "-c", take_turns], cwd=root) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert (tmp_path / "count").read_text() == "160"
    assert [path.name for path in tmp_path.iterdir()] == ["count"]


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK, errno.EIO])
def test_a_file_system_that_refuses_locks_is_one_sentence(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(descriptor: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refused)
    for wait in (False, True):
        with pytest.raises(DataError) as caught, only_writer(tmp_path / "lock", wait=wait):
            pass
        assert str(tmp_path) in str(caught.value) and os.strerror(number) in str(caught.value)


def test_only_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    others = [".ubuntu.iso.part", "film.part", ".part", ".12.part", ".a.b.part", ".notes.12", "x.12.part"]
    for name in others:
        (tmp_path / name).write_text("precious")
    (tmp_path / ".folder.12.part").mkdir()
    (tmp_path / ".records.csv.4711.part").write_text("half")
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*others, ".folder.12.part"}


def test_text_that_utf8_cannot_hold_is_spelled_out(tmp_path: Path) -> None:
    write_whole(tmp_path / "log.txt", "cannot read caf\udce9.npy, \ud800")
    assert (tmp_path / "log.txt").read_text(encoding="utf-8") == "cannot read caf\\udce9.npy, \\ud800"


def test_a_home_is_read_once_and_in_front_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert expanded("~") == Path("/home/somebody")
    assert expanded("~/x") == Path("/home/somebody/x")
    assert expanded(expanded("~/x")) == Path("/home/somebody/x")
    assert [expanded(text) for text in ("x", "./~/x", "a/~", "/~/x")] == [*map(Path, ("x", "./~/x", "a/~", "/~/x"))]
    with pytest.raises(UsageError, match="nosuchuser"):
        expanded("~nosuchuser/x")
    monkeypatch.setenv("HOME", "")
    for text in ("~", "~/x"):
        with pytest.raises(UsageError):
            expanded(text)
    monkeypatch.setenv("HOME", "/")
    assert expanded("~/x") == Path("/x")


def test_what_a_copy_of_many_files_says_is_one_sentence(tmp_path: Path) -> None:
    errors = [(f"a{i}", f"b{i}", f"[Errno 28] No space left on device: 'b{i}'") for i in range(200)]
    said = str(unwritable(tmp_path / "copy", shutil.Error(errors)))
    assert "disk is full" in said and len(said) < 400
