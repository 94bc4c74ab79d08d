"""The files of an output folder's cells as one archive, in memory: the same bytes for the same contents."""

import io
import lzma
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from bench.errors import DAMAGE, DataError, in_brief

ARCHIVE = "cells.tar.xz"
FOLDERS = ("costs", "logs", "records")
FILES = ("scores.csv",)
LARGEST_WINDOW = 2**26
"""Bytes that xz looks back: most scores stand in a record and again in scores.csv, far apart."""
MOST_BYTES = 2**30
"""The largest archive that is read, unpacked: 2,000 cells with their scores have some 40 MB."""
_LONGEST_NAME = 255
"""Bytes of the longest file name on the file systems in use."""


def as_archive(contents: Mapping[str, bytes]) -> bytes:
    """`contents` by path as tar in xz: sorted names, and nothing of the clock or of who packed it."""
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
    """The contents of an archive; raises DataError for a damaged one and for one that reaches out of its folder."""
    try:
        # All of it first: an archive that was cut off behind its last file is damaged as well.
        whole = _unpacked(archive.read_bytes())
        with tarfile.open(fileobj=io.BytesIO(whole), mode="r:") as tar:
            return {member.name: _content(tar, member) for member in tar}
    except OSError as error:
        raise DataError(f"{archive} cannot be read ({error.strerror or error}).") from error
    except DAMAGE as error:
        raise DataError(f"{archive} is damaged or not one of ours ({in_brief(error)}); get it again.") from error


def _unpacked(packed: bytes) -> bytes:
    """The content of an xz file; raises ValueError where it is larger than any of ours, EOFError where it is cut."""
    machine = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=4 * LARGEST_WINDOW)
    whole = machine.decompress(packed, MOST_BYTES + 1)
    if len(whole) > MOST_BYTES:
        raise ValueError(f"it unpacks to more than {MOST_BYTES:,} bytes")
    if not machine.eof or machine.unused_data:
        raise EOFError("it is cut short, or something stands behind its end")
    return whole


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    path = PurePosixPath(member.name)
    ours = member.name in FILES or (len(path.parts) == 2 and path.parts[0] in FOLDERS and path.name != "..")
    plain = member.isreg() and not member.issparse() and len(path.name.encode()) <= _LONGEST_NAME
    stream = tar.extractfile(tarfile.data_filter(member, "/nowhere")) if ours and plain else None
    if stream is None:
        raise tarfile.TarError(f"it holds {member.name[:_LONGEST_NAME]!r}, which no output folder packs")
    return stream.read()
