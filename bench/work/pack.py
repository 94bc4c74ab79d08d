"""Output folders of many cells in one file: `python -m bench.work.pack results/NAME`, and `--unpack` to go back.

Thousands of small files become `cells.tar.xz`. Whoever reads an output folder understands a packed one. While
the archive is there it is the truth: loose files beside it, which a killed packing or unpacking left, must say
the same, and are taken up.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.errors import BenchError, DataError, ExitCode, UsageError
from bench.files import given_path, only_writer, sweep, unwritable, write_whole
from bench.work.archive import ARCHIVE, FILES, FOLDERS, as_archive, read_archive
from bench.work.run_file import RUN_FILE


def pack(folder: Path) -> int:
    """Pack `folder`, whose lock the caller holds; returns how many files are in its archive.

    The loose files are removed once the archive was read back from the disk and says what they say.
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
        raise DataError(f"{archive} does not read back as it was written (damaged disk?); nothing was removed.")
    for name in contents:
        (folder / name).unlink(missing_ok=True)
    for name in FOLDERS:
        if (folder / name).is_dir() and not any((folder / name).iterdir()):
            (folder / name).rmdir()
    return len(contents)


def unpack(folder: Path, say: Callable[[str], None]) -> None:
    """Unpack `folder`, whose lock the caller holds, in place, and say so; nothing where it is not packed."""
    archive = folder / ARCHIVE
    if not archive.exists():
        return
    contents = read_archive(archive)
    _restore(folder, contents)
    os.sync()  # so that all those files are on the disk before the archive goes
    archive.unlink()
    say(f"{folder} was packed: unpacked {len(contents):,} files; python -m bench.work.pack {folder} packs it again.")


@contextmanager
def opened(folder: Path) -> Iterator[Path]:
    """`folder` as it reads unpacked: itself, or a temporary copy of a packed one. Nothing in it is changed."""
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
        yield copy


def _loose(folder: Path) -> dict[str, bytes]:
    """The contents of the files that are packed, by their path inside of `folder`."""
    paths = [path for name in FOLDERS for path in (folder / name).glob("*")] + [folder / name for name in FILES]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths if path.is_file()}


def _agreed(folder: Path, contents: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """`contents`; raises DataError where a loose file in `folder` says something else."""
    for name, content in contents.items():
        if (folder / name).is_file() and (folder / name).read_bytes() != content:
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
        part.unlink(missing_ok=True)
        raise unwritable(folder, error) from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Pack or unpack the folders that were named, and answer with an exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.work.pack", description="Pack the cells of output folders.")
    parser.add_argument(
        "folders", nargs="+", type=given_path, metavar="FOLDER", help="an output folder of run_bench.py"
    )
    parser.add_argument("--unpack", action="store_true", help=f"restore the files from {ARCHIVE} instead")
    given = parser.parse_args(arguments)
    try:
        for folder in given.folders:
            if not (folder / RUN_FILE).is_file():
                raise UsageError(f"{folder} is no output folder: {folder / RUN_FILE} does not exist.")
            with only_writer(folder / ".lock", wait=False):
                sweep(folder)
                if given.unpack:
                    unpack(folder, print)
                else:
                    count, size = pack(folder), (folder / ARCHIVE).stat().st_size
                    print(f"{folder}: {count:,} files packed into {ARCHIVE}, {size:,} bytes")
    except BenchError as error:
        print(error, file=sys.stderr)
        return int(error.exit_code)
    return int(ExitCode.OK)


if __name__ == "__main__":
    raise SystemExit(main())
