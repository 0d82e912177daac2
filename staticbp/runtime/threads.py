"""Loops whose steps several threads share.

``for i in threads.range(n, grain):`` in generated text takes its steps in contiguous parts, one for each thread of
the team (see `team`), and goes on when all are done. The rules for what may stand in one:

- Every step writes elements that no other step reads or writes. A sum over steps is made of parts: a loop over
  blocks of a fixed size, each with an element of an array for its sum, and a plain loop that adds those up. The
  result is then the same for any number of threads.
- A variable assigned in the body is assigned there before it is read, and not read after the loop.
- The body neither returns nor breaks; loops over ``threads.range`` inside of it, and products, run in one thread.
- `grain` is the number of steps that take some 10 µs, or 3 where temporaries are all that is written, at least 1. No
  thread is given fewer, so that a loop of less than two grains is a plain one.

A region begins and ends within 0.1 µs when the last was a moment ago; to wake the team takes some 20 µs, which a
loop of 16 grains does at once, and smaller ones after a few.

When Python runs the text it is Python's `range`.
"""

from __future__ import annotations

import builtins

__all__ = ["range"]


def range(stop: int, grain: int = 1) -> builtins.range:
    """The steps 0 to `stop` of a loop, of which each thread takes at least `grain`.

    Examples
    --------
    >>> list(range(4, 2))
    [0, 1, 2, 3]
    """
    if grain < 1:
        raise ValueError(f"a thread takes at least one step, not {grain}")
    return builtins.range(stop)
