"""Downloads, from mirrors on the loopback interface that fail in every way a mirror can."""

import contextlib
import gzip
import hashlib
import io
import re
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from staticbp.datasets import download
from staticbp.datasets.download import RemoteFile, data_directory, fetch
from staticbp.errors import DatasetError

CONTENTS = np.random.default_rng(0).integers(0, 256, 300_000, np.uint8).tobytes()
FILE = RemoteFile("noise.gz", hashlib.sha256(CONTENTS).hexdigest(), len(CONTENTS))
GOOD = gzip.compress(CONTENTS)

Answer = Callable[[BaseHTTPRequestHandler], None]


def send(body: bytes, announced: int | None = None) -> Answer:
    """Answer with a body, and announce its length, or another one."""

    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body) if announced is None else announced))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def send_unannounced(handler):
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(GOOD)


def send_endlessly(handler):
    handler.send_response(200)
    handler.end_headers()
    with contextlib.suppress(OSError):  # until the client hangs up
        while True:
            handler.wfile.write(bytes(1 << 16))


def send_and_reset(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(GOOD)))
    handler.end_headers()
    handler.wfile.write(GOOD[:100_000])
    linger_not_at_all = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not_at_all)
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RD)


def send_half_a_chunk(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n186A0\r\n" + GOOD[:1000])


def send_nonsense(handler):
    handler.wfile.write(b"\x00\x01\x02 nonsense\r\n\r\n")


def hang_up(handler):
    handler.close_connection = True


def not_found(handler):
    handler.send_error(404)


FAILURES: dict[str, tuple[Answer, str]] = {
    "not found": (not_found, "answers 404 Not Found"),
    "broken off": (send(GOOD[:150_000], announced=len(GOOD)), f"broke off after 150000 of {len(GOOD)} bytes"),
    "reset": (send_and_reset, "broke off"),
    "chunk cut short": (send_half_a_chunk, "broke off"),
    "truncated at the source": (send(GOOD[:-100]), "truncated"),
    "empty": (send(b""), "SHA-256"),
    "corrupt": (send(GOOD[:1000] + bytes(1000) + GOOD[2000:]), "corrupt"),
    "another file": (send(gzip.compress(CONTENTS[::-1])), "is not the file wanted: the SHA-256"),
    "a longer file": (send(gzip.compress(CONTENTS + b"more")), "is not the file wanted: the SHA-256"),
    "a bomb": (send(gzip.compress(bytes(50_000_000))), "is not the file wanted: the SHA-256"),
    "a web page": (send(b"<!DOCTYPE html>"), "is not the file wanted"),
    "endless": (send_endlessly, "sends more than"),
    "nonsense": (send_nonsense, "broke off|out of reach"),
    "no answer": (hang_up, "broke off|out of reach"),
}


class Mirror:
    """A server on the loopback interface that answers every request in one way, and counts them."""

    def __init__(self, answer: Answer) -> None:
        self.requests: list[str] = []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                mirror.requests.append(self.path)
                answer(self)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/mnist/"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def mirror(monkeypatch) -> Iterator[Callable[[Answer], Mirror]]:
    monkeypatch.setenv("no_proxy", "*")
    mirrors: list[Mirror] = []

    def start(answer: Answer) -> Mirror:
        mirrors.append(Mirror(answer))
        return mirrors[-1]

    yield start
    for each in mirrors:
        each.close()


def names(directory: Path) -> list[str]:
    return sorted(file.name for file in directory.iterdir())


def test_a_download_is_kept_as_it_came_and_not_repeated(mirror, tmp_path):
    good = mirror(send(GOOD))
    directory = tmp_path / "not" / "there yet"
    assert fetch(FILE, [good.url], directory) == CONTENTS
    assert good.requests == ["/mnist/noise.gz"]
    assert (directory / "noise.gz").read_bytes() == GOOD
    assert names(directory) == ["noise.gz"]

    assert fetch(FILE, [good.url], directory) == CONTENTS
    assert fetch(FILE, [], directory) == CONTENTS
    assert len(good.requests) == 1


@pytest.mark.parametrize("answer", [send_unannounced, send(gzip.compress(CONTENTS, 1, mtime=0)), send(CONTENTS)])
def test_only_the_contents_count(mirror, tmp_path, answer):
    """Another compression, or none, is as good; so is a body of unknown length."""
    assert fetch(FILE, [mirror(answer).url], tmp_path) == CONTENTS
    assert fetch(FILE, [], tmp_path) == CONTENTS


@pytest.mark.parametrize("what", FAILURES)
def test_the_next_mirror_is_tried_when_one_fails(mirror, tmp_path, what):
    bad, good = mirror(FAILURES[what][0]), mirror(send(GOOD))
    assert fetch(FILE, [bad.url, good.url], tmp_path) == CONTENTS
    assert len(bad.requests) == len(good.requests) == 1
    assert names(tmp_path) == ["noise.gz"]


@pytest.mark.parametrize("what", FAILURES)
def test_when_every_mirror_fails_the_error_says_why_and_nothing_is_left(mirror, tmp_path, what):
    answer, reason = FAILURES[what]
    bad, lost = mirror(answer), mirror(not_found)
    with pytest.raises(DatasetError, match=r"noise\.gz could not be downloaded") as caught:
        fetch(FILE, [bad.url, lost.url], tmp_path)
    assert names(tmp_path) == []
    _, first, second = caught.value.what.splitlines()
    assert first.startswith(f"    {bad.url}noise.gz ")
    assert second == f"    {lost.url}noise.gz answers 404 Not Found"
    assert re.search(reason, first)


def test_a_mirror_out_of_reach(mirror, tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        nobody = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        with pytest.raises(DatasetError, match=r"noise\.gz is out of reach: .*refused"):
            fetch(FILE, [nobody], tmp_path)
        assert fetch(FILE, [nobody, mirror(send(GOOD)).url], tmp_path) == CONTENTS


@pytest.mark.parametrize("damage", [b"", GOOD[:-1], GOOD[:1000] + b"?" + GOOD[1001:], gzip.compress(b"other", mtime=0)])
def test_a_damaged_copy_is_replaced(mirror, tmp_path, damage):
    (tmp_path / "noise.gz").write_bytes(damage)
    good = mirror(send(GOOD))
    assert fetch(FILE, [good.url], tmp_path) == CONTENTS
    assert len(good.requests) == 1
    assert (tmp_path / "noise.gz").read_bytes() == GOOD


def test_a_failed_download_leaves_the_old_copy_alone(mirror, tmp_path):
    (tmp_path / "noise.gz").write_bytes(b"old")
    with pytest.raises(DatasetError, match="404"):
        fetch(FILE, [mirror(not_found).url], tmp_path)
    assert (tmp_path / "noise.gz").read_bytes() == b"old"


def test_an_interrupt_leaves_nothing_behind(mirror, tmp_path, monkeypatch):
    def interrupted(chunks, name, total):
        yield next(chunks)
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "_shown", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(FILE, [mirror(send(GOOD)).url], tmp_path)
    assert names(tmp_path) == []


def test_downloads_at_the_same_time_do_not_disturb_each_other(mirror, tmp_path: Path):
    url = mirror(send(GOOD)).url
    results: list[bytes] = []
    threads = [threading.Thread(target=lambda: results.append(fetch(FILE, [url], tmp_path))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [CONTENTS] * 4
    assert names(tmp_path) == ["noise.gz"]


def test_a_directory_that_cannot_be_made(mirror, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatasetError, match=r"(?s)cannot be kept in .*file.*STATICBP_DATA_DIR"):
        fetch(FILE, [mirror(send(GOOD)).url], tmp_path / "file" / "deeper")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("answer", [send(GOOD), send_unannounced])
def test_progress_is_shown_on_a_terminal(mirror, tmp_path, monkeypatch, answer):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    fetch(FILE, [mirror(answer).url], tmp_path)
    assert "noise.gz" in terminal.getvalue()
    assert "300k" in terminal.getvalue()


def test_nothing_is_shown_elsewhere(mirror, tmp_path, capsys):
    fetch(FILE, [mirror(send(GOOD)).url], tmp_path)
    assert capsys.readouterr() == ("", "")


def test_tqdm_is_not_needed(mirror, tmp_path, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(download, "tqdm", None)
    assert fetch(FILE, [mirror(send(GOOD)).url], tmp_path) == CONTENTS
    assert terminal.getvalue() == ""


def test_where_downloads_are_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("STATICBP_DATA_DIR", str(tmp_path / "data"))
    assert data_directory("mnist") == tmp_path / "data" / "mnist"
    monkeypatch.setenv("STATICBP_DATA_DIR", "~/data")
    assert data_directory("mnist") == tmp_path / "home" / "data" / "mnist"
    monkeypatch.delenv("STATICBP_DATA_DIR")
    assert data_directory("mnist") == tmp_path / "cache" / "staticbp" / "datasets" / "mnist"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert data_directory("mnist") == tmp_path / "home" / ".cache" / "staticbp" / "datasets" / "mnist"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert data_directory("mnist") == tmp_path / "home" / ".cache" / "staticbp" / "datasets" / "mnist"
