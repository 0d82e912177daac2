"""Loops and products that threads share: every step once, the same bits for any number of threads, no harm done."""

import ast
import os
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

from staticbp.errors import GeneratedCodeError
from staticbp.runtime import team, threads
from staticbp.runtime.compiler import regions
from staticbp.runtime.load import Spec, compile_module, njit_module
from tests.runtime.shared_steps import arguments, check, compute

COUNTING = """
from staticbp.runtime import threads


def visit(sizes, hits):
    for i in threads.range(sizes[0], sizes[1]):
        hits[i] += 1
    return 0
"""


def visit(make=compile_module):
    integers = Spec(np.int64, 1, array=True)
    return make(COUNTING, {"visit": (integers, integers)})["visit"]


@pytest.mark.parametrize("make", [compile_module, njit_module])  # stored machine code, and Numba's dispatcher
def test_every_step_is_taken_once(make):
    function = visit(make)
    for count in (0, 1, 2, 3, 10, 97, 4096):
        for grain in (1, 3, 50, 5000):
            hits = np.zeros(count + 2, np.int64)
            function(np.array([count, grain]), hits)
            assert hits.tolist() == [1] * count + [0, 0], (count, grain)


def test_without_steps_nothing_happens():
    function = visit()
    hits = np.zeros(3, np.int64)
    for sizes in ((-5, 1), (0, 0), (0, -1)):
        function(np.array(sizes), hits)
    assert not hits.any()
    function(np.array([3, 0]), hits)  # a grain is one step at least
    assert hits.all()


def test_loops_sums_products_and_regions_within_regions():
    function = compute()
    for _ in range(50):  # with the team asleep, on its way, and awake
        given = arguments()
        function(*given)
        check(*given)


def test_several_threads_of_python_at_once():
    function = compute()
    failures = []

    def work():
        try:
            for _ in range(20):
                given = arguments()
                function(*given)
                check(*given)
        except AssertionError as error:
            failures.append(error)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures


SCRIPT = """
import hashlib, os, sys

from staticbp.runtime import team
from tests.runtime.shared_steps import arguments, check, compute

function = compute()
given = arguments()
for _ in range(3):
    function(*given)
check(*given)
print(hashlib.sha256(b"".join(array.tobytes() for array in given)).hexdigest(), team.workers_present())
assert "cold" in sys.argv or "numba" not in sys.modules
if "signals" in sys.argv:
    for thread in os.listdir("/proc/self/task"):
        if int(thread) != os.getpid():
            with open(f"/proc/self/task/{thread}/status") as file:
                blocked = next(int(line.split()[1], 16) for line in file if line.startswith("SigBlk"))
            print(blocked >> 1 & 1)  # of SIGINT, which is number 2
if "fork" in sys.argv:
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        given = arguments()
        function(*given)
        check(*given)
        os._exit(0 if team.workers_present() == 0 else 1)
    assert os.waitpid(child, 0)[1] == 0
    function(*given)
    check(*given)
"""


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    """Runs the script in a process of its own, with so many threads; the first compiles, the others find it all."""
    store = str(tmp_path_factory.mktemp("store"))

    def run(threads, *flags):
        environment = dict(os.environ, STATICBP_CACHE_DIR=store, OMP_NUM_THREADS="1")
        environment.pop("STATICBP_NUM_THREADS", None)
        if threads:
            environment["STATICBP_NUM_THREADS"] = str(threads)
        command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(SCRIPT), *flags]
        # It ends by itself, with workers about: no signal, no error.
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    run(2, "cold")
    return run


def test_results_do_not_depend_on_the_number_of_threads(process):
    results = {number: process(number) for number in (1, 2, 5)}
    assert {number: int(workers) for number, (_, workers) in results.items()} == {1: 0, 2: 1, 5: 4}
    assert len({digest for digest, _ in results.values()}) == 1


def test_the_number_of_threads_may_be_openmps(process):
    assert process(None)[1] == "0"


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the cores of a process are Linux's to tell")
def test_one_core_means_one_thread(monkeypatch):
    monkeypatch.delenv("STATICBP_NUM_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    assert team.threads_wanted() == 1


@pytest.mark.parametrize(("text", "wanted"), [("3", 3), ("4,2", 4), ("1000", team.MOST)])
def test_the_environment_says_how_many(monkeypatch, text, wanted):
    monkeypatch.setenv("STATICBP_NUM_THREADS", text)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert team.threads_wanted() == wanted


@pytest.mark.parametrize("text", ["", "0", "-2", "many"])
def test_what_is_no_number_of_threads_is_passed_over(monkeypatch, text):
    monkeypatch.setenv("STATICBP_NUM_THREADS", text)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert team.threads_wanted() == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_child_after_a_fork_computes_alone(process):
    assert process(2, "fork")[1] == "1"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_workers_leave_signals_to_python(process):
    _, workers, *blocked = process(3, "signals")
    assert (workers, blocked) == ("2", ["1", "1"])


def test_python_takes_the_steps_in_order():
    assert list(threads.range(3)) == [0, 1, 2]
    with pytest.raises(ValueError, match="at least one step"):
        threads.range(3, 0)


@pytest.mark.parametrize(
    ("body", "shared"),
    [
        ("s += x[i]", "s"),
        ("s = s + x[i]", "s"),
        ("x[i] = s\n        s = 1.0", "s"),
        ("for j in range(2):\n            s += x[j]", "s"),
    ],
)
def test_steps_that_share_a_variable_are_refused(body, shared):
    text = f"def f(x):\n    s = 0.0\n    for i in threads.range(9):\n        {body}\n    return 0\n"
    with pytest.raises(GeneratedCodeError, match=f"share {shared}"):
        regions.with_regions(ast.parse(text))


def test_a_region_is_a_function_of_what_it_reads():
    text = """
def f(x, y, z):
    k = 2.0
    for i in threads.range(9, 3):
        for j in range(4):
            s = k * x[i, j]
            y[i, j] = s
    return 0
"""
    expected = """
def f(x, y, z):
    k = 2.0
    __run(__part1_of_f, 9, 3, (k, x, y))
    return 0

def __part1_of_f(__low, __high, k, x, y):
    for i in range(__low, __high):
        for j in range(4):
            s = k * x[i, j]
            y[i, j] = s
"""
    assert ast.unparse(regions.with_regions(ast.parse(text))).strip() == expected.strip()
