"""Which builder records what is traced, in each thread; and what passes decide, when somebody asks why."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from staticbp.core.graph import Activation, SrcLine


class Decision(NamedTuple):
    """What a pass did, or did not do, and the reason.

    Attributes
    ----------
    kind : str
        ``stabilised``, ``inlined`` (written out where it is read), ``kept`` (in a place of its own), ``fused`` or
        ``apart`` (loops), ``laid out`` (ahead of a loop), ``behind`` (sums, made behind one), ``in place`` or
        ``copied`` (what loops carry), ``shared`` or ``alone`` (loops and threads), ``called`` (what several calls of a
        function came to).
    subject : str
        The variable, or what a loop computes.
    reason : str
        Why.
    src : SrcLine or None
        The line of the program that it concerns.
    adjoint : bool
        Whether it belongs to a derivative.
    """

    kind: str
    subject: str
    reason: str = ""
    src: SrcLine | None = None
    adjoint: bool = False


class _Recording(threading.local):
    """`innermost` is the `Builder` that is recording; None when nothing is being traced.

    `activation` is the call of a compiled function that is being traced as a part of another.  Defaults of the class:
    to ask for an attribute that a thread has not set yet would take a microsecond.
    """

    innermost: Any = None
    activation: Activation | None = None
    decisions: list[Decision] | None = None


RECORDING = _Recording()

# How many there are, in all threads, who want to know of calls: machine code reads it, which knows of no threads.
_attention = ctypes.c_int64()
_ATTENTION_LOCK = threading.Lock()


@contextmanager
def attending() -> Iterator[None]:
    """Within, calls of compiled functions go through Python."""
    with _ATTENTION_LOCK:
        _attention.value += 1
    try:
        yield
    finally:
        with _ATTENTION_LOCK:
            _attention.value -= 1


def attention_address() -> int:
    """Where in memory the number of those is that are `attending`, an int64."""
    return ctypes.addressof(_attention)


@contextmanager
def activated(name: str, src: SrcLine | None) -> Iterator[None]:
    """Within, what is traced belongs to a call of the function of this name, which stands on the line `src`."""
    before, RECORDING.activation = RECORDING.activation, Activation(name, src, RECORDING.activation)
    try:
        yield
    finally:
        RECORDING.activation = before


def decided(kind: str, subject: str, reason: str = "", src: SrcLine | None = None, adjoint: bool = False) -> None:
    """Note a decision, if somebody listens."""
    if RECORDING.decisions is not None:
        RECORDING.decisions.append(Decision(kind, subject, reason, src, adjoint))


@contextmanager
def listening() -> Iterator[list[Decision]]:
    """The decisions that are made within, in this thread.

    Examples
    --------
    >>> with listening() as decisions:
    ...     decided("kept", "r", "a product reads it whole")
    >>> decisions[0].reason
    'a product reads it whole'
    """
    before, RECORDING.decisions = RECORDING.decisions, []
    try:
        yield RECORDING.decisions
    finally:
        RECORDING.decisions = before
