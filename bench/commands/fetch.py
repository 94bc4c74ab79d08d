"""Download data sets and the ground truth from where their authors publish them.

`python -m nas_selection_bench fetch cifar10 cifar100 nas-bench-201 imagenet16` downloads everything.

Nothing else in the program accesses the internet. An archive is checked against its published checksum and unpacked
file by file; the table is converted to its compact form at once. Data that is already there is left alone. To resume an
interrupted download, repeat the command: CIFAR starts from the beginning, Google Drive continues where it stopped.
"""

import hashlib
import shutil
import sys
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nas_selection_bench.bench.commands.resolve import FETCH
from nas_selection_bench.bench.errors import DAMAGE, BenchError, DataError, ExitCode, UsageError, in_brief
from nas_selection_bench.bench.files import given_path, make_folder, unwritable
from nas_selection_bench.bench.names import unknown
from nas_selection_bench.bench.parser import Parser
from nas_selection_bench.bench.problem.datasets import DATASETS, data_root
from nas_selection_bench.bench.problem.official_files import (
    ARCHIVES,
    CIFAR_SERVER,
    IMAGENET16_ID,
    IMAGENET16_SIZE,
    TABLE_ENDING,
    TABLE_FILE,
    TABLE_ID,
    TABLE_NAME,
    TABLE_SIZE,
    TABLE_SOURCE,
    Archive,
)
from nas_selection_bench.bench.problem.official_layouts import Layout
from nas_selection_bench.bench.problem.pixels import OFFICIAL, pixels_of

_PART = ".part"

NAMES = (*ARCHIVES, TABLE_NAME, "imagenet16")


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch the named data, print where it is, and return the exit code."""
    parser = Parser(prog=FETCH, description="Download images and the ground-truth table.")
    parser.add_argument("names", nargs="+", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument(
        "--data-root", type=given_path, metavar="DIR", help="where to write ($NAS_BENCH_DATA, else the user's cache)"
    )
    parser.add_argument("--mirror", metavar="URL", help="download from this address; checksums stay the same")
    parser.add_argument("--keep", action="store_true", help="keep the archives and the original file of the table")
    given = parser.parse_args(arguments)
    failed = 0
    try:
        if given.mirror is not None and not given.mirror.startswith(("https://", "http://")):
            raise UsageError(f"--mirror {given.mirror} is not an address; begin with https://.")
        for name in given.names:
            if name == "digits":
                raise UsageError("digits is embedded; there is nothing to fetch.")
            if name not in NAMES:
                raise unknown("name", name, NAMES)
        root = data_root(given.data_root)
        make_folder(root)
        for name in given.names:
            try:
                print(f"{name}: {fetch(name, root, given.mirror, given.keep)}", flush=True)
            except BenchError as error:
                print(f"{name}: {error}", file=sys.stderr)
                failed += 1
    except KeyboardInterrupt:
        print("\nInterrupted; run the same command to resume.", file=sys.stderr)
        return int(ExitCode.INTERRUPTED)
    return int(ExitCode.USAGE if failed else ExitCode.OK)


def fetch(name: str, root: Path, mirror: str | None = None, keep: bool = False) -> str:
    """Fetch one of NAMES into `root` and describe the result; raises DataError, which says how to get it by hand."""
    if name == TABLE_NAME:
        return _fetch_table(root, mirror, keep)
    layout = DATASETS[name].layout
    assert layout is not None
    present = pixels_of(name, root, None)
    if present is not None and present.fingerprint:
        return f"already in {root / layout.folder} ({present.origin})"
    if name in ARCHIVES:
        return _fetch_archive(layout, ARCHIVES[name], root, mirror, keep)
    return _fetch_imagenet16(layout, root, mirror)


def _fetch_archive(layout: Layout, archive: Archive, root: Path, mirror: str | None, keep: bool) -> str:
    hand = f"by hand: get {layout.archive} from {layout.source} and unpack it in {root}"
    packed = root / archive.file
    _need_room(root, archive.size + archive.unpacked, hand)
    _download(f"{(mirror or CIFAR_SERVER).rstrip('/')}/{archive.file}", packed, archive.md5, hand)
    _unpack(packed, layout, root, archive.unpacked, hand)
    if not keep:
        packed.unlink()
    return _arrived(layout, root, hand)


def _fetch_imagenet16(layout: Layout, root: Path, mirror: str | None) -> str:
    hand = (
        f"by hand: get {layout.archive} from {layout.source}, or from its authors' folder"
        f" https://drive.google.com/drive/folders/{IMAGENET16_ID}, and put {layout.files[0]} and the others in"
        f" {root / layout.folder}"
    )
    _need_room(root, IMAGENET16_SIZE, hand)
    make_folder(root / layout.folder)
    listed = None if mirror else _drive_folder(hand)
    for file in layout.files:
        target = root / layout.folder / file
        if target.is_file() and _md5(target) == layout.checksums[file]:
            continue
        if mirror:
            _download(f"{mirror.rstrip('/')}/{layout.folder}/{file}", target, layout.checksums[file], hand)
            continue
        found = [entry for entry in listed or () if Path(entry.path).name == file]
        if not found:
            raise DataError(f"The authors' folder does not list {file}; {hand}.")
        part = target.with_name(file + _PART)
        _from_drive(found[0].id, part, hand)
        if _md5(part) != layout.checksums[file]:
            part.unlink()
            raise DataError(
                f"{file} does not have the checksum {layout.checksums[file]}; run the command again, or {hand}."
            )
        part.replace(target)
    return _arrived(layout, root, hand)


def _fetch_table(root: Path, mirror: str | None, keep: bool) -> str:
    from nas_selection_bench.bench.problem.open_table import open_table

    compact, source = root / TABLE_FILE, root / TABLE_SOURCE
    if compact.is_file():
        open_table(compact)
        return f"already in {compact}"
    hand = (
        f"by hand: get {TABLE_SOURCE} (4.7 GB) from https://drive.google.com/file/d/{TABLE_ID} and run"
        f" python -m nas_selection_bench convert-table {TABLE_SOURCE} {compact}"
    )
    part = source.with_name(source.name + _PART)
    if not source.is_file():
        _need_room(root, TABLE_SIZE - (part.stat().st_size if part.is_file() else 0), hand)
        if mirror:
            _download(f"{mirror.rstrip('/')}/{TABLE_SOURCE}", source, None, hand)
        else:
            _from_drive(TABLE_ID, part, hand)
            part.replace(source)
    if not _md5(source).endswith(TABLE_ENDING):
        source.unlink()
        raise DataError(f"The checksum of the file does not end in {TABLE_ENDING}; run the command again, or {hand}.")
    print(f"{TABLE_NAME}: converting, which takes some minutes", file=sys.stderr, flush=True)
    open_table(source).save(compact)
    if not keep:
        source.unlink()
    return f"in {compact}"


def _need_room(root: Path, size: int, hand: str) -> None:
    free = shutil.disk_usage(root).free
    if free < size:
        raise DataError(
            f"{root} has {free / 1e6:,.0f} MB free and {size / 1e6:,.0f} MB are needed; make room, choose another"
            f" folder with --data-root, or {hand}."
        )


@contextmanager
def _reported(source: str, target: Path, hand: str) -> Iterator[None]:
    """Turn each way in which the network, `source` or the disk can refuse a download into a DataError."""
    import requests

    try:
        yield
    except requests.exceptions.ProxyError as error:
        raise DataError(f"The proxy of this machine refused {source} ({in_brief(error, 120)}); {hand}.") from error
    except requests.exceptions.HTTPError as error:
        raise DataError(f"The server refused {source} ({in_brief(error, 120)}); {hand}.") from error
    except requests.exceptions.RequestException as error:
        raise DataError(
            f"The connection to {source} failed or broke ({in_brief(error, 120)}); run it again, or {hand}."
        ) from error
    except OSError as error:
        raise DataError(f"{str(unwritable(target, error)).removesuffix('.')}; or {hand}.") from error


def _download(url: str, target: Path, md5: str | None, hand: str) -> None:
    """Download one file and check it against `md5`, if there is one; raises DataError."""
    pooch = _library("pooch", hand)
    pooch.get_logger().setLevel("WARNING")
    try:
        with _reported(url, target, hand):
            pooch.retrieve(
                url, f"md5:{md5}" if md5 else None, target.name, target.parent,
                downloader=pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), chunk_size=2**18, timeout=60),
            )  # fmt: skip
    except ValueError as error:  # pooch's error for a wrong checksum
        raise DataError(
            f"The file from {url} does not have the checksum {md5}: it was cut short, is the page of a login or proxy,"
            f" or is another version; run it again, or {hand}."
        ) from error
    _refuse_page(target, url, hand)


def _from_drive(file_id: str, part: Path, hand: str) -> None:
    """Download one file from Google Drive to `part`, continuing an earlier try that broke off."""
    gdown = _library("gdown", hand)
    _google(
        lambda: gdown.download(id=file_id, output=str(part), resume=True, quiet=not sys.stderr.isatty()), part, hand
    )
    if not part.is_file():
        raise DataError(f"Google Drive sent nothing; {hand}.")
    _refuse_page(part, "Google Drive", hand)


def _drive_folder(hand: str) -> Sequence[Any]:
    gdown = _library("gdown", hand)
    found: Sequence[Any] = _google(
        lambda: gdown.download_folder(id=IMAGENET16_ID, skip_download=True, quiet=True), Path(), hand
    )
    return found


def _google(call: Callable[[], Any], target: Path, hand: str) -> Any:
    """The result of `call`, which uses gdown; raises DataError if Google or the network refuses."""
    from gdown.exceptions import DownloadError

    try:
        with _reported("Google Drive", target, hand):
            return call()
    except DownloadError as error:
        raise DataError(
            f"Google Drive refused the download ({in_brief(error, 120)}): today's quota is used up or a login is"
            f" needed; try again tomorrow, or {hand}."
        ) from error
    except DAMAGE as error:
        raise DataError(f"Google Drive did not send a file ({in_brief(error, 120)}); {hand}.") from error


def _refuse_page(path: Path, source: str, hand: str) -> None:
    """Delete `path` and raise DataError if it is a web page, which servers send for a login or a used-up quota."""
    with path.open("rb") as stream:
        start = stream.read(512).lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        path.unlink()
        raise DataError(f"{source} sent a web page instead of the file (a login, a quota, a proxy); {hand}.")


def _unpack(packed: Path, layout: Layout, root: Path, most: int, hand: str) -> None:
    """Unpack the files of `layout` from a tar archive, each whole or not at all, and ignore all other members."""
    try:
        with tarfile.open(packed, "r:*") as tar:
            wanted = {f"{layout.folder}/{file}": file for file in layout.files}
            make_folder(root / layout.folder)
            for member in tar:
                file = wanted.pop(member.name.removeprefix("./"), None)
                if file is None:
                    continue
                stream = tar.extractfile(member) if member.isreg() and not member.issparse() else None
                if stream is None or member.size > 2 * most:
                    raise tarfile.TarError(f"{member.name} is not a plain file of a sensible size")
                part = root / layout.folder / f".{file}{_PART}"
                try:
                    with part.open("wb") as out:
                        shutil.copyfileobj(stream, out, 2**20)
                    part.replace(root / layout.folder / file)
                finally:
                    part.unlink(missing_ok=True)
        if wanted:
            raise tarfile.TarError(f"it lacks {next(iter(wanted))}")
    except DAMAGE as error:
        raise DataError(
            f"{packed} is damaged or another archive ({in_brief(error)}); delete it, and {hand}."
        ) from error
    except OSError as error:
        raise DataError(f"{str(unwritable(packed.parent, error)).removesuffix('.')}; or {hand}.") from error


def _arrived(layout: Layout, root: Path, hand: str) -> str:
    found = pixels_of(layout.name, root, None)
    if found is None or not found.fingerprint:
        raise DataError(f"{root / layout.folder} is incomplete after fetching; {hand}.")
    note = "the official images" if found.origin == OFFICIAL else f"not the official images ({found.origin})"
    return f"in {root / layout.folder}: {note}"


def _library(name: str, hand: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError:
        raise UsageError(
            f"Fetching needs the package {name}: pip install '.[fetch]' (or pip install {name}); {hand}."
        ) from None


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()
