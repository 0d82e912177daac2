"""The store: whatever happens to its files, a load gives back what was saved, or nothing."""

import errno
import hashlib
import logging
import os
import stat
import subprocess
import sys
import time
from itertools import zip_longest

import numpy as np
import pytest

from staticbp.runtime import keys, store
from staticbp.runtime.spec import Spec
from staticbp.runtime.store import Store

KEY = hashlib.sha256(b"key").hexdigest()
OTHER = hashlib.sha256(b"other").hexdigest()
PAYLOAD = hashlib.shake_256(b"payload").digest(5000)


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    for counter in ("hits", "misses", "saves", "rejected"):
        monkeypatch.setattr(store.stats, counter, 0)
    return Store(tmp_path / "store")


@pytest.fixture
def file(shelf):
    assert shelf.save(KEY, PAYLOAD)
    return shelf.path(KEY)


# ---- files ----


def test_what_is_saved_is_loaded(shelf, file):
    assert shelf.load(KEY) == PAYLOAD
    assert shelf.load(OTHER) is None
    assert store.stats == store.Stats(hits=1, misses=1, saves=1, rejected=0)
    assert shelf.save(KEY, b"another")
    assert shelf.load(KEY) == b"another"
    assert [path.name for path in shelf.directory.iterdir()] == [file.name]


def test_an_empty_payload_is_a_payload(shelf):
    assert shelf.save(KEY, b"")
    assert shelf.load(KEY) == b""


def test_the_header_is_plain(file):
    head, _, rest = file.read_bytes().partition(b"\n")
    assert head.decode().split() == ["staticbp", "1", KEY, "5000", hashlib.sha256(PAYLOAD).hexdigest()]
    assert rest == PAYLOAD


def header_length():
    return len(store._header(KEY, PAYLOAD)) + 1


@pytest.mark.parametrize("change", [0x01, 0x20, 0xFF])
def test_any_byte_overwritten_is_a_miss(shelf, file, change):
    good = file.read_bytes()
    places = [*range(header_length()), *range(header_length(), len(good), 97), len(good) - 1]
    for place in places:
        content = bytearray(good)
        content[place] ^= change
        file.write_bytes(content)
        assert shelf.load(KEY) is None, place
        assert not file.exists()
    assert store.stats.rejected == len(places)
    assert shelf.save(KEY, PAYLOAD)
    assert shelf.load(KEY) == PAYLOAD


def test_any_other_length_is_a_miss(shelf, file):
    good = file.read_bytes()
    lengths = [*range(header_length() + 2), 1000, len(good) - 1]
    for content in (*(good[:length] for length in lengths), good + b"\0", good + good, b"\n", b"\n" + good):
        file.write_bytes(content)
        assert shelf.load(KEY) is None
        assert not file.exists()


@pytest.mark.parametrize("content", [b"\x80\x04N.", b"staticbp 1\n", "\u00e9\n".encode(), b"x" * 100000])
def test_a_foreign_file_is_a_miss(shelf, file, content):
    file.write_bytes(content)
    assert shelf.load(KEY) is None
    assert store.stats.rejected == 1


def test_a_file_under_the_name_of_another_is_a_miss(shelf, file):
    file.rename(shelf.path(OTHER))
    assert shelf.load(OTHER) is None


def test_numbers_written_in_another_way_are_a_miss(shelf, file):
    file.write_bytes(file.read_bytes().replace(b" 5000 ", b" 05000 "))
    assert shelf.load(KEY) is None


def test_a_directory_in_the_place_of_the_file(shelf, file, caplog):
    file.unlink()
    file.mkdir()
    assert shelf.load(KEY) is None
    with caplog.at_level(logging.WARNING, "staticbp.store"):
        assert not shelf.save(KEY, PAYLOAD)
    assert "could not be stored" in caplog.text
    assert [path.name for path in shelf.directory.iterdir()] == [file.name]


def test_a_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for directory in (tmp_path / "file", tmp_path / "file" / "store"):
        shelf = Store(directory)
        assert shelf.load(KEY) is None
        assert not shelf.save(KEY, PAYLOAD)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="POSIX permissions")
class TestTrust:
    """Code that others could have written is not run."""

    def test_made_for_the_user_alone(self, shelf, file):
        assert stat.S_IMODE(shelf.directory.stat().st_mode) == 0o700
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    @pytest.mark.parametrize("mode", [0o770, 0o720, 0o702, 0o777])
    def test_a_directory_that_others_write_to_is_refused(self, shelf, file, mode, caplog):
        shelf.directory.chmod(mode)
        with caplog.at_level(logging.WARNING, "staticbp.store"):
            for _ in range(3):
                assert shelf.load(KEY) is None
                assert not shelf.save(OTHER, PAYLOAD)
        assert len(caplog.records) == 1
        assert "writable by others" in caplog.text
        assert "writable by others" in shelf.refusal()
        assert file.exists()
        shelf.directory.chmod(0o755)
        assert shelf.load(KEY) == PAYLOAD

    def test_a_directory_of_another_user_is_refused(self, shelf, file, monkeypatch):
        me = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: me + 1)
        assert shelf.load(KEY) is None
        assert not shelf.save(OTHER, PAYLOAD)
        assert shelf.refusal() == "belongs to another user"

    def test_a_file_that_others_write_to_is_a_miss(self, shelf, file):
        file.chmod(0o666)
        assert shelf.load(KEY) is None

    def test_a_link_is_a_miss(self, shelf, file, tmp_path):
        target = tmp_path / "elsewhere"
        file.rename(target)
        file.symlink_to(target)
        assert shelf.load(KEY) is None
        assert not file.is_symlink()
        assert target.exists()

    @pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")
    def test_a_read_only_directory(self, shelf, file):
        shelf.directory.chmod(0o500)
        try:
            assert shelf.load(KEY) == PAYLOAD
            assert not shelf.save(OTHER, PAYLOAD)
        finally:
            shelf.directory.chmod(0o700)


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", ["open", "write", "replace"])
def test_a_disk_that_takes_nothing(shelf, file, monkeypatch, call, code):
    real = getattr(os, call)

    def refuse(*args, **kwargs):
        if call == "open" and not args[1] & os.O_CREAT:
            return real(*args, **kwargs)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, refuse)
    assert not shelf.save(OTHER, PAYLOAD)
    assert shelf.load(KEY) == PAYLOAD
    assert [path.name for path in shelf.directory.iterdir()] == [file.name]


def test_writes_that_take_a_part_only(shelf, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, data[:701]))
    assert shelf.save(KEY, PAYLOAD)
    assert shelf.load(KEY) == PAYLOAD


def test_an_interrupted_save_leaves_nothing(shelf, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        shelf.save(KEY, PAYLOAD)
    assert list(shelf.directory.iterdir()) == []


KILLED = """
import os, sys
from staticbp.runtime.store import Store
directory, last, key = DIRECTORY, LAST, KEY
calls = 0
def counted(name):
    real = getattr(os, name)
    def call(*args, **kwargs):
        global calls
        calls += 1
        if calls == last:
            if name == "write":
                real(args[0], bytes(args[1])[:len(args[1]) // 2])
            os._exit(77)
        return real(*args, **kwargs)
    setattr(os, name, call)
for name in ("mkdir", "open", "write", "close", "replace", "unlink", "stat", "scandir"):
    counted(name)
Store(directory).save(key, b"new" * 1000)
print(calls)
"""


@pytest.mark.parametrize("before", [None, b"old"])
def test_a_writer_killed_anywhere(tmp_path, run_python, before):
    """Killed at each of its calls in turn, a write half done: then there is the old file or the new."""
    seen, last = set(), 0
    while True:
        last += 1
        shelf = Store(tmp_path / str(last))
        if before is not None:
            assert shelf.save(KEY, before)
        constants = f"DIRECTORY, LAST, KEY = {str(shelf.directory)!r}, {last}, {KEY!r}\n"
        process = run_python(constants + KILLED, check=False)
        assert process.returncode in (0, 77), process.stderr
        found = shelf.load(KEY)
        assert found in (before, b"new" * 1000)
        seen.add(found)
        assert shelf.save(KEY, PAYLOAD)
        assert shelf.load(KEY) == PAYLOAD
        if process.returncode == 0:
            break
    assert seen == {before, b"new" * 1000}
    assert last > 5


BUSY = """
import hashlib
from staticbp.runtime.store import Store
shelf = Store(DIRECTORY)
for i in range(300):
    payload = hashlib.shake_256(str((NUMBER, i)).encode()).digest(20000)
    assert shelf.save(KEY, payload[16:] + hashlib.md5(payload[16:]).digest())
    found = shelf.load(KEY)
    assert found is not None and hashlib.md5(found[:-16]).digest() == found[-16:], i
"""


def test_two_writers_at_once(tmp_path):
    """Each always finds a whole file: its own or the other's."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", f"DIRECTORY, KEY, NUMBER = {str(tmp_path / 's')!r}, {KEY!r}, {i}\n{BUSY}"],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for i in range(2)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    assert [path.name for path in (tmp_path / "s").iterdir()] == [Store(tmp_path).path(KEY).name]


# ---- size ----


def test_the_oldest_go_first(tmp_path):
    shelf = Store(tmp_path / "store", limit=4000)
    now = time.time()
    for age, name in ((300, "a"), (200, "b"), (100, "c")):
        assert shelf.save(name, bytes(1000))
        os.utime(shelf.path(name), (now - age, now - age))
    assert shelf.save("d", bytes(1000))
    assert sorted(path.stem for path in shelf.directory.iterdir()) == ["b", "c", "d"]


def test_what_is_used_stays_young(tmp_path):
    shelf = Store(tmp_path / "store", limit=3000)
    long_ago = time.time() - 10 * 86400
    for name in ("a", "b"):
        shelf.save(name, bytes(1000))
        os.utime(shelf.path(name), (long_ago, long_ago))
    assert shelf.load("a") is not None
    assert shelf.path("a").stat().st_mtime > long_ago + 86400
    shelf.save("c", bytes(1000))
    assert sorted(path.stem for path in shelf.directory.iterdir()) == ["a", "c"]


def test_leftovers_of_killed_writers_are_swept_up(shelf, file):
    old, young, foreign = (shelf.directory / name for name in ("x.1.ab.tmp", "y.2.cd.tmp", "notes.txt"))
    for path in (old, young, foreign):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    os.utime(foreign, (0, 0))
    shelf.save(OTHER, PAYLOAD)
    assert not old.exists()
    assert young.exists()
    assert foreign.exists()


# ---- where it is ----


def test_where_the_store_is(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("STATICBP_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert store.default_directory() == str(tmp_path / ".cache" / "staticbp")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # which the XDG specification says to ignore
    assert store.default_directory() == str(tmp_path / ".cache" / "staticbp")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert store.default_directory() == str(tmp_path / "xdg" / "staticbp")
    monkeypatch.setenv("STATICBP_CACHE_DIR", "~/mine")
    assert store.default_directory() == str(tmp_path / "mine")


def test_its_size_is_the_users(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("STATICBP_CACHE_DIR", str(tmp_path))
    for text, limit in (("", 1 << 30), ("4096", 4096), ("3k", 3072), ("2G", 2 << 30), ("lots", 1 << 30)):
        monkeypatch.setenv("STATICBP_CACHE_SIZE", text)
        assert store.default().limit == limit
    assert "'lots' is not a size" in caplog.text
    monkeypatch.setenv("STATICBP_CACHE_SIZE", "0")
    assert store.default() is None
    assert store.status().reason == "STATICBP_CACHE_SIZE is 0"


def test_status(monkeypatch, tmp_path):
    monkeypatch.setenv("STATICBP_CACHE_DIR", str(tmp_path / "s"))
    monkeypatch.delenv("STATICBP_CACHE_SIZE", raising=False)
    assert store.status() == store.Status(str(tmp_path / "s"), None, 0, 0)
    store.default().save(KEY, PAYLOAD)
    assert store.status() == store.Status(str(tmp_path / "s"), None, 1, header_length() + len(PAYLOAD))


# ---- keys ----

TEXT = '"""A module."""\ndef f(x):\n    y = 1\n    return x + y\n'
ENTRIES = {"f": (Spec(np.float64, 0, array=False),)}
FLAGS = {"fastmath": False, "parallel": False}


@pytest.mark.parametrize(
    "same",
    [
        TEXT.replace("A module", "The same"),
        "# a comment\n\n\n" + TEXT,
        TEXT.replace("    y = 1", "\n    y  =  1  # one"),
        TEXT.replace("x + y", "(x\n        + y)"),
    ],
)
def test_what_changes_no_code_changes_no_key(same):
    assert keys.module_key(same, ENTRIES, FLAGS) == keys.module_key(TEXT, ENTRIES, FLAGS)


@pytest.mark.parametrize(
    "other",
    [
        TEXT.replace("y = 1", "y = 2"),
        TEXT.replace("y = 1", "y = 1.0"),
        TEXT.replace("y = 1", "y = True"),
        TEXT.replace("y = 1", "y = 0.0"),
        TEXT.replace("y = 1", "y = -0.0"),
        TEXT.replace("y = 1", "y = 0j"),
        TEXT.replace("x + y", "x - y"),
        TEXT.replace("x + y", "y + x"),
        TEXT.replace("y", "z"),
        TEXT + "def g(x):\n    return 0\n",
        "import numpy as np\n" + TEXT,
    ],
)
def test_what_changes_code_changes_the_key(other):
    assert keys.module_key(other, ENTRIES, FLAGS) != keys.module_key(TEXT, ENTRIES, FLAGS)


def test_the_key_knows_types_and_flags():
    kinds = [
        (dtype, ndim, array, readonly)
        for dtype in ("f4", "f8", "i8", "u8")
        for ndim, array in ((0, False), (0, True), (1, True), (2, True))
        for readonly in (False, True)
    ]
    found = {keys.module_key(TEXT, {"f": (Spec(*kind),)}, FLAGS) for kind in kinds}
    found |= {keys.module_key(TEXT, {"g": (Spec(*kind),)}, FLAGS) for kind in kinds}
    found |= {keys.module_key(TEXT, ENTRIES, {**FLAGS, name: True}) for name in FLAGS}
    assert len(found) == 2 * len(kinds) + 2


@pytest.mark.parametrize(
    ("env", "differs"),
    [
        ({"NUMBA_OPT": "1"}, True),
        ({"NUMBA_CPU_NAME": "generic"}, True),
        ({"NUMBA_DEBUG_CACHE": "1", "NUMBA_NUM_THREADS": "1"}, False),
        ({"PYTHONHASHSEED": "7"}, False),
    ],
)
def test_the_key_knows_numbas_settings(run_python, env, differs):
    out = run_python(
        f"""
        from staticbp.runtime import keys
        print(keys.code_digest({TEXT!r}), *keys.surroundings(), sep="\\n")
        """,
        env,
    )
    here = [keys.code_digest(TEXT), *keys.surroundings()]
    there = out.stdout.splitlines()
    # The sources are the next test's business, and may be edited while this one runs.
    changed = [pair for pair in zip_longest(here, there) if not str(pair[0]).startswith("runtime ")]
    assert any(ours != theirs for ours, theirs in changed) == differs


def test_the_key_knows_the_kernels(tmp_path):
    (tmp_path / "vecmath").mkdir()
    (tmp_path / "vecmath" / "exp.py").write_text("one")
    first = keys._sources_digest(str(tmp_path))
    (tmp_path / "notes.txt").write_text("nothing")
    assert keys._sources_digest(str(tmp_path)) == first
    (tmp_path / "vecmath" / "exp.py").write_text("two")
    assert keys._sources_digest(str(tmp_path)) != first
    (tmp_path / "vecmath" / "exp.py").write_text("one")
    (tmp_path / "vecmath" / "exp.py").rename(tmp_path / "exp.py")
    assert keys._sources_digest(str(tmp_path)) != first


def test_the_surroundings_are_complete():
    text = " ".join(keys.surroundings())
    for what in ("staticbp ", "runtime ", "numba ", "llvmlite ", "numpy ", "python cpython-"):
        assert what in text
