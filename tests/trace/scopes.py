"""Programs of the user's that the tests of guards look at, and what is watched of them."""

import textwrap

from staticbp.trace.guards import collect


def program(source, **scope):
    """The globals of a program of the user's."""
    exec(compile(textwrap.dedent(source), "<program>", "exec"), scope)
    return scope


def watched(function, *classes):
    """The places that are compared before a call."""
    return [guard.where for guard in collect(function, classes)]
