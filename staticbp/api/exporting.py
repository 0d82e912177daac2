"""`njit`, `cfunc` and `export`: compiled functions inside the code of others, and without staticbp."""

from __future__ import annotations

import base64
import os
import re
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from staticbp.api.compiling import compiled
from staticbp.api.function import Bound, Function
from staticbp.api.standalone import Standalone, callables
from staticbp.codegen.layout import INDENT, layout
from staticbp.codegen.standalone import Boundary, Leaf, write_boundary
from staticbp.core.aval import aval_of
from staticbp.errors import UnsupportedFunctionError
from staticbp.trace.names import defined_at
from staticbp.version import __version__

SHOWN = 16  # numbers of a captured array that a file shows as numbers


def njit(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """A function of Numba's that computes what a function of staticbp's does, for code that Numba compiles.

    Parameters
    ----------
    function : callable
        A function, or a transform of one: ``f``, ``f.grad``, ``f.value_and_grad``, ``bp.hessian(f)`` and so on.
    *args, **kwargs
        Arguments like those that it will be called with: their types and shapes count.

    Returns
    -------
    numba dispatcher
        To be called inside functions that ``numba.njit`` compiles, ``prange`` and ``nogil`` included, or from Python.
        It takes and returns arrays and numbers as `function` does, and nested tuples for all structures: a record is
        the tuple of its fields, a dict that of its values in the order of their keys.  Static arguments, and others
        that hold no numbers, are left out.

        Of ``f.vjp`` it is ``(*args, cotangent) -> (output, gradient)``: no function can be returned there.

    Raises
    ------
    ValueError
        When called with an array of another shape.
    numba.TypingError
        When what calls it is compiled with arguments of other dtypes.

    Notes
    -----
    It is compiled once, for these types and shapes, and what `function` reads besides its arguments stays what it is
    now.  Each call has memory of its own.  Arguments are never written to, donated ones neither.  The results are
    those of `function` to the bit.

    Examples
    --------
    >>> import numpy as np
    >>> import numba
    >>> import staticbp as bp
    >>> @bp.differentiable
    ... def height(x):
    ...     return np.sum((1 - x[:-1]) ** 2 + 100 * (x[1:] - x[:-1] ** 2) ** 2)
    >>> slope = height.grad.njit(np.zeros(2))
    >>> @numba.njit(nogil=True)
    ... def descend(x, steps):
    ...     for _ in range(steps):
    ...         x = x - 0.001 * slope(x)
    ...     return x
    >>> descend(np.array([0.0, 1.0]), 20_000)
    array([0.9999, 0.9998])
    """
    return _function(function).njit(*args, **kwargs)


def cfunc(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """A callback that SciPy's functions in C call without Python, ``scipy.LowLevelCallable``.

    Parameters
    ----------
    function : callable
        A function of numbers of float64, or of one vector of them, that returns one number of float64.
    *args, **kwargs
        Arguments like those that it will be called with.

    Returns
    -------
    scipy.LowLevelCallable
        Of the signature ``double (double)`` for one number, otherwise ``double (int, double *)``, as
        ``scipy.integrate.quad`` and ``nquad`` take them.  Where the function fails it is nan.

    Raises
    ------
    ArgumentError
        If the arguments or the result are anything else.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> from scipy.integrate import quad
    >>> @bp.differentiable
    ... def f(x):
    ...     return np.sin(x) * np.exp(-x)
    >>> quad(f.grad.cfunc(0.0), 0.0, 2.0)[0], f(2.0)
    (0.1230600248, np.float64(0.1230600248))
    """
    return _function(function).cfunc(*args, **kwargs)


def export(function: Callable[..., Any], path: str | os.PathLike[str], *args: Any, **kwargs: Any) -> None:
    """Write a file of Python that computes what a function does, and needs NumPy, SciPy and Numba only.

    The generated code comes first, to be read.  Behind it stands what it is compiled to, in the language of LLVM and
    not yet optimised, and a page of functions that make it known to Numba.  On the machine that it was written on the
    file gives the same bits; elsewhere kernels may be less suited to the processor.

    Parameters
    ----------
    function : callable
        A function, or a transform of one.
    path : str or path
        The file; one that is there is replaced.
    *args, **kwargs
        Arguments like those that it will be called with.

    Raises
    ------
    UnsupportedFunctionError
        If the function calls a `primitive` whose code holds addresses of this process, as that of a ctypes function
        does.

    See Also
    --------
    njit : What the file defines is called in the same way.

    Notes
    -----
    Captured arrays are written into the file, and so are the kernels of primitives.  Where loops or products are long
    enough to be shared out, the file brings the team of threads that they are shared out to.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> import staticbp as bp
    >>> @bp.differentiable
    ... def misfit(w, x, y):
    ...     return np.sum((x @ w - y) ** 2)
    >>> path = pathlib.Path(tempfile.mkdtemp(), "misfit_grad.py")
    >>> bp.export(misfit.grad, path, np.zeros(3), np.ones((5, 3)), np.ones(5))
    >>> print(path.read_text()[3:49])
    Gradient of misfit(w, x, y) with respect to w.
    """
    made, _ = _function(function)._standalone(*args, **kwargs)
    Path(path).write_text(_file(made, function), encoding="utf-8")


def _function(function: Callable[..., Any]) -> Function[..., Any] | Bound:
    return function if isinstance(function, Bound) else compiled(function)


def _file(made: Standalone, function: Callable[..., Any]) -> str:
    """The text of the file."""
    boundary, tools = made.boundary, callables()
    code = tools.llvm_text(made.source, boundary.kernel, made.frame)
    if code.others:
        raise UnsupportedFunctionError(
            f"{boundary.name} calls what only this process finds: {', '.join(code.others)}",
            src=defined_at(function),
        )
    support = [tools.standalone, *(tools.LOOPS if code.loops else ()), *(tools.TEAM if code.is_shared else ())]
    sections = [
        _docstring(made),
        *_imports(made),
        made.source[made.source.index("\ndef ") + 1 :].rstrip(),
        write_boundary(boundary).rstrip(),
        *map(tools.support_text, support),
        f'# ---- {boundary.kernel}, in the language of LLVM\n\nCODE = r"""\n{code.llvm}\n"""',
        *_links(code),
        *(_array(name, value) for name, value in made.constants.items()),
        "\n".join(_definitions(made, code.symbol)),
    ]
    return "\n\n\n".join(sections) + "\n"


def _imports(made: Standalone) -> list[str]:
    packed = any(np.size(value) > SHOWN for value in made.constants.values())
    return ["import base64\nimport zlib\n\nimport numpy as np" if packed else "import numpy as np"]


def _docstring(made: Standalone) -> str:
    boundary = made.boundary
    lines = [
        f'"""{boundary.title}',
        "",
        *_signature(boundary),
        "",
        f"Written by staticbp {__version__}, with {callables().versions()}, which are all that it needs.",
        f"{boundary.name} may be called from Python and from functions that Numba compiles.",
        '"""',
    ]
    return "\n".join(lines)


def _signature(boundary: Boundary) -> list[str]:
    """What is taken and given, with the tuples that structures are."""
    leaves = (*boundary.leaves, *boundary.results, *boundary.zeros)
    types = {leaf.name: f"{leaf.name}: {leaf.aval}" for leaf in leaves}

    def typed(text: str) -> str:
        return re.sub(r"\b[^\W\d]\w*\b(\[\(\)\])?", lambda name: types.get(name[0].removesuffix("[()]"), name[0]), text)

    lines = ["Takes"]
    for name, parts in boundary.parameters:
        lines += layout("" if name == parts else f"{name} = ", typed(parts), INDENT)
    return [*lines, "and gives", *layout("", typed(boundary.output), INDENT)]


def _links(code: Any) -> list[str]:
    """What makes known where the functions lie that the code calls."""
    links = []
    for module, routines in code.routines.items():
        known = [f'    "{symbol}": "{name}",' for symbol, name in routines.items()]
        links.append("\n".join([f'link("{module}", {{', *known, "})"]))
    if code.loops:
        known = [f'    "{symbol}",' for symbol in code.loops]
        links.append("\n".join(["link_each(", "    loop_address,", *known, ")"]))
    if code.is_shared:
        links.append("link_each(address, SHARE, REST)")
    return links


def _array(name: str, value: Any) -> str:
    """A captured array."""
    array = np.asarray(value)
    dtype = Leaf(name, aval_of(array)).dtype_text
    if array.size <= SHOWN:
        shown = np.array2string(array, separator=", ", floatmode="unique", threshold=SHOWN).replace("\n", " ")
        shown = re.sub(r"\b(nan|inf)\b", r"np.\1", shown)
        return f"{name} = np.array({shown}, {dtype})" + ("" if array.ndim else "[()]")
    packed = base64.b64encode(zlib.compress(array.tobytes())).decode()
    lines = [f'    "{packed[i : i + 110]}"' for i in range(0, len(packed), 110)]
    text = "\n".join(lines)
    return (
        f"{name} = np.frombuffer(zlib.decompress(base64.b64decode(\n{text}\n)), {dtype}).reshape({array.shape}).copy()"
    )


def _definitions(made: Standalone, symbol: str) -> Sequence[str]:
    """What makes functions of Numba's of those at the top."""
    boundary = made.boundary
    lines = [f'{boundary.kernel} = code_of("{symbol}", {len(made.frame.parameters)}, CODE)']
    for leaf in boundary.leaves:
        known = f'"{boundary.name}", "{leaf.name}", {leaf.dtype_text}, {leaf.shape_text}'
        lines.append(f"{boundary.taker(leaf)} = argument({known})")
    return [*lines, f"{boundary.name} = compiled({boundary.name}, cache=True)"]


__all__ = ["cfunc", "export", "njit"]
