"""`fetch` against a local server that behaves well or badly."""

import dataclasses
import hashlib
import http.server
import io
import pickle
import shutil
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from nas_selection_bench.bench.commands import fetch
from nas_selection_bench.bench.problem import pixels
from nas_selection_bench.bench.problem.datasets import DATASETS
from nas_selection_bench.bench.problem.official_layouts import read_layout
from tests.as_command import as_command

answer = as_command("fetch", fetch.main)

pooch = pytest.importorskip("pooch", reason="the extra `fetch` is not installed")
gdown = pytest.importorskip("gdown", reason="the extra `fetch` is not installed")

ROWS = 8
PAGE = b"<!DOCTYPE html><html><title>Sign in</title></html>"


class Server(http.server.ThreadingHTTPServer):
    """Serves `files`; sends only the first half of those in `cut`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.cut: set[str] = set()
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = self.path.removeprefix("/")
        self.server.asked.append(name)
        content = self.server.files.get(name)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if name in self.server.cut else content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    made = Server()
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


def batch(part: int) -> bytes:
    generator = np.random.default_rng(part)
    value = {"data": generator.integers(256, size=(ROWS, 3072), dtype=np.uint8), "labels": list(range(ROWS))}
    return pickle.dumps(value, protocol=2)


def archive(extra: list[tuple[tarfile.TarInfo, bytes]] | None = None, leave_out: str = "") -> bytes:
    """A tar like that of CIFAR-10, with the members `extra` in front and without `leave_out`."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for info, content in extra or []:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for part in range(1, 6):
            if f"data_batch_{part}" == leave_out:
                continue
            content = batch(part)
            info = tarfile.TarInfo(f"cifar-10-batches-py/data_batch_{part}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


@pytest.fixture
def offered(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A small CIFAR-10 on the server, which the program accepts as the official one."""
    layout = DATASETS["cifar10"].layout
    assert layout is not None
    small = dataclasses.replace(layout, images=5 * ROWS, images_per_file=ROWS)
    datasets = {**DATASETS, "cifar10": dataclasses.replace(DATASETS["cifar10"], layout=small)}
    monkeypatch.setattr(fetch, "DATASETS", datasets)
    monkeypatch.setattr(pixels, "DATASETS", datasets)
    offer(server, monkeypatch, archive())
    return server


def offer(server: Server, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    server.files["cifar-10-python.tar.gz"] = content
    made = fetch.Archive("cifar-10-python.tar.gz", hashlib.md5(content).hexdigest(), len(content), 10**6)
    monkeypatch.setattr(fetch, "ARCHIVES", {**fetch.ARCHIVES, "cifar10": made})


def run(server: Server | str, root: Path, *names: str) -> int:
    url = server if isinstance(server, str) else server.url
    return fetch.main([*names, "--data-root", str(root), "--mirror", url])


def failure(server: Server | str, root: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The error sentence of a fetch that must fail and must leave no images behind."""
    capsys.readouterr()
    assert run(server, root, "cifar10") == 2
    said = capsys.readouterr()
    assert said.out == ""
    line = said.err.strip()
    assert "\n" not in line and line.startswith("cifar10: ") and "by hand: get cifar-10-python.tar.gz" in line, line
    assert not list(root.rglob("data_batch_*"))
    return line


def test_what_was_fetched_is_read_and_nothing_is_fetched_twice(
    offered: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(offered, tmp_path, "cifar10") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cifar-10-batches-py"]
    layout = fetch.DATASETS["cifar10"].layout
    assert layout is not None
    images, _ = read_layout(layout, tmp_path)
    expected = np.concatenate([pickle.loads(batch(part))["data"] for part in range(1, 6)])
    assert np.array_equal(images.reshape(len(images), -1), expected)
    before = len(offered.asked)
    capsys.readouterr()
    assert run(offered, tmp_path, "cifar10") == 0
    assert len(offered.asked) == before and "already" in capsys.readouterr().out


def test_a_cut_connection_is_said_and_the_next_try_starts_anew(
    offered: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    offered.cut.add("cifar-10-python.tar.gz")
    assert "broke" in failure(offered, tmp_path, capsys)
    offered.cut.clear()
    assert run(offered, tmp_path, "cifar10") == 0


def test_other_bytes_are_refused_by_their_checksum(
    offered: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    offered.files["cifar-10-python.tar.gz"] = archive()[:-1] + b"\7"
    assert "checksum" in failure(offered, tmp_path, capsys)
    offered.files["cifar-10-python.tar.gz"] = PAGE
    assert "checksum" in failure(offered, tmp_path, capsys)


def test_what_is_not_there_or_does_not_answer_is_said(
    offered: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = offered.files.pop("cifar-10-python.tar.gz")
    assert "404" in failure(offered, tmp_path, capsys)
    assert "failed or broke" in failure("http://127.0.0.1:9", tmp_path, capsys)
    offered.files["cifar-10-python.tar.gz"] = content
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    assert "proxy" in failure("http://a.name.that.does.not.exist.invalid", tmp_path, capsys)


def test_room_is_looked_at_before_anything_is_asked_for(
    offered: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    assert "MB free" in failure(offered, tmp_path, capsys)
    assert offered.asked == []


def test_a_disk_that_fills_is_said(
    offered: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    assert "The disk is full" in failure(offered, tmp_path, capsys)


def linked(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_a_member_that_is_no_plain_file_is_refused(
    offered: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: bytes
) -> None:
    outside = tmp_path / "outside"
    outside.write_text("precious")
    offer(offered, monkeypatch, archive([linked("cifar-10-batches-py/data_batch_1", str(outside), kind)]))
    failure(offered, tmp_path / "root", capsys)
    assert outside.read_text() == "precious"


def test_nothing_is_written_outside_of_the_folder_of_the_data_set(
    offered: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "a" / "root"
    extra = [(tarfile.TarInfo(name), b"x") for name in ("../up", "/tmp/absolute-of-a-test", "cifar-10-batches-py/more")]
    offer(offered, monkeypatch, archive([*extra, linked("cifar-10-batches-py/link", "/etc")]))
    assert run(offered, root, "cifar10") == 0
    assert {path.name for path in root.rglob("*")} == {"cifar-10-batches-py", *(f"data_batch_{i}" for i in range(1, 6))}
    assert not (tmp_path / "a" / "up").exists() and not Path("/tmp/absolute-of-a-test").exists()


def test_an_archive_that_lacks_a_file_or_is_none_is_refused(
    offered: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    offer(offered, monkeypatch, archive(leave_out="data_batch_5"))
    assert run(offered, tmp_path / "lacks", "cifar10") == 2
    assert "it lacks cifar-10-batches-py/data_batch_5" in capsys.readouterr().err
    offer(offered, monkeypatch, b"not a tar at all" * 100)
    assert "damaged or another archive" in failure(offered, tmp_path / "none", capsys)


def test_google_drive_may_refuse_break_or_give_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import requests

    def raising(error: Exception):  # type: ignore[no-untyped-def]
        def download(**_: object) -> None:
            raise error

        return download

    def page(output: str, **_: object) -> None:
        Path(output).write_bytes(PAGE)

    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10**13))
    quota = gdown.exceptions.FileURLRetrievalError("Too many users have viewed or downloaded this file recently.\nx")
    cases = {
        "quota": raising(quota),
        "proxy": raising(requests.exceptions.ProxyError("no")),
        "broke": raising(requests.exceptions.ChunkedEncodingError("half")),
        "disk is full": raising(OSError(28, "No space left on device")),
        "web page": page,
        "nothing": lambda **_: None,
    }
    for word, download in cases.items():
        monkeypatch.setattr(gdown, "download", download)
        assert answer(["nas-bench-201", "--data-root", str(tmp_path)]) == 2
        line = capsys.readouterr().err.strip()
        assert word in line and "\n" not in line and "by hand: get NAS-Bench-201-v1_1-096897.pth" in line, line
        assert not list(tmp_path.glob("*.npz"))


def test_without_the_packages_it_says_which_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert answer(["cifar10", "--data-root", str(tmp_path)]) == 2
    assert "pip install '.[fetch]'" in capsys.readouterr().err
    assert answer(["cifar-10", "--data-root", str(tmp_path)]) == 2
    assert "did you mean cifar10" in capsys.readouterr().err


def test_what_cannot_be_fetched_is_said_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "data"
    assert answer(["digits", "--data-root", str(root)]) == 2
    assert "digits is embedded" in capsys.readouterr().err
    assert answer(["cifar10", "--mirror", "foo", "--data-root", str(root)]) == 2
    assert "--mirror foo" in capsys.readouterr().err
    assert not root.exists()
