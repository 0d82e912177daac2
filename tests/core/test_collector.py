"""The garbage collector waits while something is compiled, and goes on afterwards."""

import gc
import os
import threading
import weakref

import numpy as np
import pytest

import staticbp as bp
from staticbp.core.collector import WAITING, settle


@pytest.fixture(autouse=True)
def on():
    gc.enable()
    yield
    gc.enable()


def test_it_waits_and_goes_on():
    with WAITING:
        with WAITING:
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_an_error():
    with pytest.raises(ValueError, match="within"), WAITING:
        raise ValueError("within")
    assert gc.isenabled()


def test_who_has_turned_it_off_keeps_it_off():
    gc.disable()
    with WAITING:
        pass
    assert not gc.isenabled()


def test_the_last_of_two_threads_turns_it_on():
    inside, leave = threading.Event(), threading.Event()

    def compiling():
        with WAITING:
            inside.set()
            leave.wait(10)

    other = threading.Thread(target=compiling)
    with WAITING:
        other.start()
        inside.wait(10)
    assert not gc.isenabled()
    leave.set()
    other.join()
    assert gc.isenabled()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_process_does_not_wait_for_a_thread_that_it_has_not():
    with WAITING:
        child = os.fork()
        if not child:
            os._exit(0 if gc.isenabled() else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_what_has_settled_is_collected_when_it_is_garbage():
    class Node:
        pass

    node = Node()
    node.itself, alive = node, weakref.ref(node)
    settle()
    del node
    gc.collect(1)
    assert alive() is not None  # an old object, which the youngest generations do not have
    gc.collect()
    assert alive() is None


def test_what_somebody_has_frozen_stays_frozen():
    gc.freeze()
    try:
        before = gc.get_freeze_count()
        settle()
        assert gc.get_freeze_count() >= before > 0
    finally:
        gc.unfreeze()


def test_it_waits_while_a_function_is_traced_and_compiled():
    states = []

    @bp.compile
    def watched(x):
        states.append(gc.isenabled())
        return np.sin(x)

    watched(1.0)
    assert states == [False]
    assert gc.isenabled()


def test_it_goes_on_after_a_function_that_cannot_be_compiled():
    @bp.compile
    def refused(x):
        return float(x)

    with pytest.raises(TypeError):
        refused(1.0)
    assert gc.isenabled()
