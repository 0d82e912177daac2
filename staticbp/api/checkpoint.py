"""`checkpoint`: a part of a function that is computed again in its derivative instead of being kept for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from staticbp.api.arguments import argument_paths, parameter_names
from staticbp.api.function import Function, P, R, describe, made, name_of
from staticbp.compilation import Outputs, identifiers, lifted
from staticbp.core.primitive import Traced, Value, bind, value_aval
from staticbp.core.tree import flatten
from staticbp.errors import ArgumentError
from staticbp.ops.checkpoint import PRODUCTS, Keep
from staticbp.ops.checkpoint import checkpoint as checkpoint_primitive
from staticbp.trace.names import here
from staticbp.trace.trace import trace_open


class Checkpointed(Function[P, R]):
    """A function that its derivatives compute again.  Made by `checkpoint`."""

    def __init__(self, function: Callable[..., Any], keep: Keep = ()) -> None:
        super().__init__(function, keep=keep)
        self.keep = keep

    def _name(self) -> str:
        return f"{name_of(self.__wrapped__)}_checkpoint"

    def _description(self) -> str:
        return f"{describe(self.__wrapped__)}, computed again in its derivative"

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        function = self.__wrapped__
        leaves, structure = flatten((args, kwargs))
        traced = [n for n, leaf in enumerate(leaves) if isinstance(leaf, Traced)]
        paths = argument_paths(args, kwargs, parameter_names(function, len(args)))
        outputs: list[Outputs] = []

        def flat(*values: Value) -> list[Value]:
            given = list(leaves)
            for n, value in zip(traced, values, strict=True):
                given[n] = value
            plain, named = structure.unflatten(given)
            results, found = Outputs.of(function(*plain, **named), name_of(function))
            outputs.append(found)
            return results

        avals = [value_aval(leaves[n]) for n in traced]
        body, captured = trace_open(flat, name_of(function), avals, identifiers([paths[n] for n in traced]))
        operands = [*(leaves[n] for n in traced), *captured]
        params = {"body": body, "keep": self.keep}
        results = lifted(bind(checkpoint_primitive, operands, params)) if operands and body.outs else []
        return outputs[0].join(results)


def _are_names(policy: Any) -> bool:
    return isinstance(policy, Sequence) and all(isinstance(name, str) for name in policy)


def checkpoint(function: Callable[P, R], *, policy: str | Sequence[str] | None = None) -> Checkpointed[P, R]:
    """A function whose derivative computes it again, instead of keeping what it is made of.

    Reverse mode needs values of the forward pass, and they lie in memory until it comes to them.  Those of a function
    that is given to `checkpoint` do not: its arguments are kept, and on the way back it is computed a second time.
    Values and derivatives are the same to the last bit or two.  What it saves shows in ``inspect(...).memory``.

    Parameters
    ----------
    function : callable
        A function of arrays, numbers and structures of them.
    policy : "products", sequence of str, or None, optional
        What is kept nevertheless: the products of matrices, which are dear to compute; or the values with these
        names, as the lines of the function assign them.  By default nothing.

    Returns
    -------
    Checkpointed
        A compiled function of the same arguments.

    Raises
    ------
    ArgumentError
        If `policy` is something else.

    See Also
    --------
    scan, fold : For loops, whose steps are computed again with ``checkpoint=``.

    Notes
    -----
    Griewank and Walther, "Evaluating Derivatives", 2nd ed., SIAM 2008, chapter 12; Chen et al., "Training Deep Nets
    with Sublinear Memory Cost", 2016.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> def layer(W, x):
    ...     return np.tanh(W @ x)
    >>> @bp.differentiable
    ... def deep(W, x):
    ...     for _ in range(4):
    ...         x = bp.checkpoint(layer)(W, x)
    ...     return np.sum(x)
    >>> deep.grad(0.5 * np.eye(2), np.ones(2)).round(3)
    array([[0.424, 0.424],
           [0.424, 0.424]])
    """
    if policy is None:
        keep: Keep = ()
    elif policy == PRODUCTS:
        keep = PRODUCTS
    elif isinstance(policy, str) or not _are_names(policy):
        raise ArgumentError(
            f"checkpoint is given the policy {policy!r}",
            src=here().src,
            advice='Write "products", or a list of the names of the values that are to be kept.',
        )
    else:
        keep = tuple(policy)
    return made(Checkpointed, function, keep=keep)
