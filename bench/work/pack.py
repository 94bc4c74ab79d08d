"""Packs the cells of an output folder into one file: `python -m nas_selection_bench pack results/NAME [--unpack]`.

Thousands of small files become `cells.tar.xz`. Every command that reads an output folder can read a packed one. While
the archive exists it is authoritative: loose files beside it, left by a killed packing or unpacking, must not differ
from it, and the next packing takes them in.
"""

import io
import lzma
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from nas_selection_bench.bench.errors import DAMAGE, DataError, ExitCode, UsageError, counted, in_brief
from nas_selection_bench.bench.files import (
    given_path,
    named_as,
    only_writer,
    sweep,
    unreadable,
    unwritable,
    write_whole,
)
from nas_selection_bench.bench.parser import Parser
from nas_selection_bench.bench.work.run_file import RUN_FILE
from nas_selection_bench.bench.work.store import SCORES_FILE, Store

ARCHIVE = "cells.tar.xz"
FOLDERS = ("costs", "logs", "records")
FILES = (SCORES_FILE,)
LARGEST_WINDOW = 2**26
"""Largest window of xz, in bytes: most scores appear in a record and again in scores.csv, far apart."""
MOST_BYTES = 2**30
"""Largest unpacked size of an archive, in bytes; 2,000 cells with their scores take some 40 MB."""
_LONGEST_NAME = 255
"""Longest file name on the file systems in use, in bytes."""
_BLOCK = 512
"""Size of a tar header in bytes; contents are padded to a multiple of it."""
_LONG_NAME = re.compile(rb"\d+ path=([^\n]+)\n")
"""The extended header before a file whose name is too long for its own header, or is not ASCII."""


def as_archive(contents: Mapping[str, bytes]) -> bytes:
    """`contents`, by path, as an xz-compressed tar: names sorted, without times or owners."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in sorted(contents.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            tar.addfile(member, io.BytesIO(content))
    whole = buffer.getvalue()
    window = {"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": min(len(whole), LARGEST_WINDOW)}
    return lzma.compress(whole, lzma.FORMAT_XZ, filters=[window])


def read_archive(archive: Path) -> dict[str, bytes]:
    """The contents of an archive by path; raises DataError if it is damaged or has a path outside its folder."""
    try:
        # Unpack all of it first: an archive that was cut off after its last file is damaged as well.
        return dict(_members(_unpacked(archive.read_bytes())))
    except OSError as error:
        raise unreadable(archive, error) from error
    except DAMAGE as error:
        raise DataError(
            f"{archive} is damaged or not an archive of this program ({in_brief(error)}); get it again."
        ) from error


def _unpacked(packed: bytes) -> bytes:
    """The content of an xz file; raises ValueError if it is too large, EOFError if it does not end where it should."""
    machine = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=4 * LARGEST_WINDOW)
    whole = machine.decompress(packed, MOST_BYTES + 1)
    if len(whole) > MOST_BYTES:
        raise ValueError(f"it unpacks to more than {MOST_BYTES:,} bytes")
    if not machine.eof or machine.unused_data:
        raise EOFError("it is cut short, or data follows its end")
    return whole


def _members(whole: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file in a tar as `as_archive` writes it; ten times as fast as `tarfile`.

    Raises TarError for any other entry.
    """
    place, long_name = 0, ""
    while any(head := whole[place : place + _BLOCK]):
        told = int(head[148:156].rstrip(b"\0 "), 8)
        if len(head) < _BLOCK or sum(head) - sum(head[148:156]) + 8 * ord(" ") != told:
            raise tarfile.ReadError("an entry has changed since it was written")
        start, size = place + _BLOCK, int(head[124:136].rstrip(b"\0 "), 8)
        name, kind, content = long_name or head[:100].rstrip(b"\0").decode(), head[156:157], whole[start : start + size]
        place = start + -(-size // _BLOCK) * _BLOCK
        if len(content) != size:
            raise tarfile.ReadError(f"{name!r} is cut short")
        if kind == tarfile.XHDTYPE and not long_name and (found := _LONG_NAME.fullmatch(content)):
            long_name = found[1].decode()
            continue
        folder, _, last = name.rpartition("/")
        ours = name in FILES or (folder in FOLDERS and last not in ("", ".", ".."))
        if not ours or kind != tarfile.REGTYPE or len(last.encode()) > _LONGEST_NAME:
            raise tarfile.TarError(f"it holds {name[:_LONGEST_NAME]!r}, which is no file of a packed output folder")
        yield name, content
        long_name = ""
    if not place:
        raise tarfile.ReadError("it is empty")


def pack(folder: Path) -> int:
    """Pack `folder`, whose lock the caller must hold; returns the number of files in its archive.

    The loose files are removed once the archive, read back from the disk, equals them.
    """
    for name in FOLDERS:
        sweep(folder / name)
    archive, contents = folder / ARCHIVE, _loose(folder)
    if archive.exists():
        contents |= _agreed(folder, read_archive(archive))
    if not any(name.startswith("records/") for name in contents):
        raise DataError(f"{folder} holds no records to pack.")
    write_whole(archive, as_archive(contents))
    if read_archive(archive) != contents:
        raise DataError(f"{archive} reads back differently from what was written (damaged disk?); nothing was removed.")
    for name in contents:
        (folder / name).unlink(missing_ok=True)
    for name in FOLDERS:
        if (folder / name).is_dir() and not any((folder / name).iterdir()):
            (folder / name).rmdir()
    return len(contents)


def unpack(folder: Path, say: Callable[[str], None]) -> None:
    """Unpack `folder`, whose lock the caller must hold, in place, and report it; do nothing if it is not packed."""
    archive = folder / ARCHIVE
    if not archive.exists():
        return
    contents = read_archive(archive)
    _restore(folder, contents)
    os.sync()  # so that all those files are on the disk before the archive goes
    archive.unlink()
    say(
        f"{folder} was packed: unpacked {counted(len(contents), 'file')};"
        f" python -m nas_selection_bench pack {folder} packs it again."
    )


def contents_of(folder: Path) -> dict[str, bytes]:
    """Contents of the files that packing covers, by path inside `folder`, whether it is packed or not."""
    archive = folder / ARCHIVE
    return dict(_agreed(folder, read_archive(archive))) if archive.exists() else _loose(folder)


def as_stored(folder: Path) -> Store:
    """A Store for reading the records of `folder`, whether it is packed or not."""
    return Store(folder, contents_of(folder) if (folder / ARCHIVE).exists() else None)


@contextmanager
def opened(folder: Path) -> Iterator[Path]:
    """An unpacked `folder`: itself, or a temporary copy if it is packed. The folder itself is not changed.

    Errors raised in the `with` block name the files of the folder itself.
    """
    if not (folder / ARCHIVE).exists():
        yield folder
        return
    contents = read_archive(folder / ARCHIVE)
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / folder.resolve().name
        try:
            shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(".*", ARCHIVE))
        except OSError as error:
            raise unwritable(copy, error) from error
        _restore(copy, contents)
        with named_as({copy: folder}):
            yield copy


def _loose(folder: Path) -> dict[str, bytes]:
    """Contents of the loose files in `folder` that packing covers, by path inside `folder`."""
    paths = [path for name in FOLDERS for path in (folder / name).glob("*")] + [folder / name for name in FILES]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths if path.is_file()}


def _agreed(folder: Path, contents: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """`contents`, unchanged; raises DataError if a loose file in `folder` differs from its entry there."""
    for name, content in _loose(folder).items():
        if contents.get(name, content) != content:
            raise DataError(f"{folder / name} differs from the one in {ARCHIVE} beside it; delete the wrong one.")
    return contents


def _restore(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write `contents` into `folder`, each file whole or not at all."""
    _agreed(folder, contents)
    part = folder / f".{ARCHIVE}.{os.getpid()}.part"
    try:
        for name in FOLDERS:
            (folder / name).mkdir(exist_ok=True)
        for name, content in contents.items():
            part.write_bytes(content)
            part.replace(folder / name)
    except OSError as error:
        raise unwritable(folder, error) from error
    finally:
        part.unlink(missing_ok=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Pack or unpack the folders in `arguments`; returns the exit code."""
    parser = Parser(prog="python -m nas_selection_bench pack", description="Pack the cells of output folders.")
    parser.add_argument(
        "folders", nargs="+", type=given_path, metavar="FOLDER", help="an output folder of run_bench.py"
    )
    parser.add_argument("--unpack", action="store_true", help=f"restore the files from {ARCHIVE} instead")
    given = parser.parse_args(arguments)
    for folder in given.folders:
        if not (folder / RUN_FILE).is_file():
            raise UsageError(f"{folder} is not an output folder: {folder / RUN_FILE} does not exist.")
        with only_writer(folder / ".lock", wait=False):
            sweep(folder)
            if given.unpack and not (folder / ARCHIVE).exists():
                print(f"{folder} is not packed: it has no {ARCHIVE}.")
            elif given.unpack:
                unpack(folder, print)
            else:
                count, size = pack(folder), (folder / ARCHIVE).stat().st_size
                print(f"{folder}: {counted(count, 'file')} packed into {ARCHIVE}, {size:,} bytes")
    return int(ExitCode.OK)
