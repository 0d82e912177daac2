"""`graph_builder`: a graph put together node by node, without a function that is traced."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import optree
from numpy.lib.mixins import NDArrayOperatorsMixin

from staticbp.api.compiling import Differentiable
from staticbp.compilation import Outputs, identifier, identifiers, lifted
from staticbp.core import shape as shapes
from staticbp.core.aval import Aval, check_dtype
from staticbp.core.check import check_graph
from staticbp.core.graph import Graph, SrcLine, Var
from staticbp.core.primitive import CAPTURED, Builder, Traced, Value, inline, value_aval
from staticbp.core.tree import NAMESPACE, Structure, flatten, path_texts
from staticbp.errors import ArgumentError, DtypeError, ShapeError, StructureError, UnsupportedFunctionError
from staticbp.inspection.text import Inspection
from staticbp.ops import special
from staticbp.ops.linear import to_dtype
from staticbp.ops.registry import PRIMITIVES
from staticbp.trace.names import here
from staticbp.trace.trace import as_argument, user_builder
from staticbp.trace.tracer import located

# Functions of `special` that are not operations by themselves.
SPECIAL = ("entr", "log_expit", "log_softmax", "logit", "logsumexp", "softmax")


class Node(NDArrayOperatorsMixin):
    """A value in a graph that is being built.  Operators and NumPy's functions make further nodes of it.

    It has what a traced array has: ``shape``, ``dtype``, ``T``, indexing, methods.
    """

    __array_priority__ = 2000.0

    def __init__(self, owner: GraphBuilder, value: Traced) -> None:
        self._owner = owner
        self._value = value

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        return self._owner.apply(function, *inputs, **kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return self._owner.apply(function, *args, **kwargs)

    def __getitem__(self, key: Any) -> Any:
        return self._owner.apply(lambda value, key: value[key], self, key)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"a node has no attribute {name!r}")
        with self._owner._recording():
            value = getattr(self._value, name)
        if isinstance(value, Traced):
            return Node(self._owner, value)
        return (lambda *args, **kwargs: self._owner.apply(value, *args, **kwargs)) if callable(value) else value

    def __len__(self) -> int:
        return len(self._value)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self._value)

    def __float__(self) -> float:
        return float(self._value)  # type: ignore[arg-type]

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        self._value.__array__()  # type: ignore[attr-defined]
        raise AssertionError("a traced value has become an array")

    def __repr__(self) -> str:
        return f"<node {getattr(self._value.atom, 'name', self._value.atom)}: {self._value.aval}>"


@dataclass(frozen=True, slots=True)
class Declared:
    """An input: what it is called, its structure and types, and the line that declares it."""

    name: str
    structure: Structure
    avals: tuple[Aval, ...]
    src: SrcLine | None


class GraphBuilder:
    """A graph under construction.  Made by `graph_builder`."""

    def __init__(self, name: str) -> None:
        self.name = identifier(name)
        self._inputs: list[Declared] = []
        self._builder = user_builder(self.name)

    # -- nodes --------------------------------------------------------------------------------------------
    def input(self, name: str, shape: Sequence[int] | int = (), dtype: Any = np.float64, *, like: Any = None) -> Any:
        """Declare the next argument.

        Parameters
        ----------
        name : str
            What it is called.
        shape : int or sequence of int, optional
            Its shape; by default it is one number.
        dtype : dtype, optional
            Its dtype.
        like : structure, optional
            In place of both: an array or a structure of them with the same shapes and dtypes.

        Returns
        -------
        Node, or a structure of them
            The argument.

        Raises
        ------
        ArgumentError
            If the name is taken, or no name.
        """
        src = here().src
        if not name.isidentifier() or any(name == given.name for given in self._inputs):
            raise ArgumentError(
                f"an input cannot be called {name!r}: it is {'taken' if name.isidentifier() else 'no name'}", src=src
            )
        if like is None:
            extents = (shape,) if isinstance(shape, int) else tuple(shape)
            like = np.broadcast_to(np.zeros((), check_dtype(np.dtype(dtype), f"input {name}")), extents)
        leaves, structure = flatten(like)
        avals = tuple(value_aval(leaf).strong() for leaf in leaves)
        self._inputs.append(Declared(name, structure, avals, src))
        names = identifiers(path_texts(like, name))
        made = (as_argument(self._builder.add_input(aval, wish)) for aval, wish in zip(avals, names, strict=True))
        nodes = [Node(self, value) for value in made]
        return structure.unflatten(nodes)

    def constant(self, name: str, value: Any) -> Node:
        """An array whose contents at the time of each call count, or a number.

        Parameters
        ----------
        name : str
            What it is called.
        value : array_like

        Returns
        -------
        Node
        """
        with self._recording() as builder:
            atom = builder.atom(value if isinstance(value, np.ndarray) else np.asarray(value)[()])
            if isinstance(atom, Var):
                atom.name = identifier(name)
            return Node(self, builder.wrap(atom))

    @located
    def apply(self, op: str | Callable[..., Any], *args: Any, name: str | None = None, **options: Any) -> Any:
        """Add what an operation makes of nodes.

        Parameters
        ----------
        op : str or callable
            The name of a NumPy or special function, or of an operation in the table of operations; or a function.
        *args
            Nodes, arrays, numbers and structures of them.
        name : str, optional
            What the result is called; by default what it is assigned to.
        **options
            Handed on: ``axis=0``.

        Returns
        -------
        Node, or a structure of them

        Raises
        ------
        UnsupportedFunctionError
            If there is no operation of that name.
        """
        function = _operation(op) if isinstance(op, str) else op
        with self._recording() as builder:
            before = len(builder.eqns)
            result = function(*self._unwrapped(args), **self._unwrapped(options))
            if name is not None:
                made = {id(out): out for eqn in builder.eqns[before:] for out in eqn.outs}
                if isinstance(result, Traced) and id(result.atom) in made:
                    made[id(result.atom)].name = identifier(name)
        return self._wrapped(result)

    def bind(self, name: str, node: Node) -> Node:
        """Name a node, which is otherwise called what it was assigned to.

        Parameters
        ----------
        name : str
        node : Node

        Returns
        -------
        Node
            The same.
        """
        value = self._unwrapped(node)
        made = {id(out): out for eqn in self._builder.eqns for out in eqn.outs}
        if isinstance(value, Traced) and id(value.atom) in made:
            made[id(value.atom)].name = identifier(name)
        return node

    def build(self, result: Any, argnums: int | tuple[int, ...] = 0) -> GraphFunction:
        """The function that the graph computes.

        Parameters
        ----------
        result : Node or structure
            What the function returns.
        argnums : int or tuple of int, optional
            The inputs that derivatives are taken with respect to.

        Returns
        -------
        GraphFunction
            A function of the inputs in the order of their declaration, with ``grad``, ``value_and_grad``, ``vjp`` and
            ``jvp``, ``inspect`` and ``graph``.  The builder may be used further.
        """
        with self._recording() as builder:
            values, outputs = Outputs.of(self._unwrapped(result), self.name)
            graph = check_graph(builder.finish(values))
        return GraphFunction(BuiltGraph(graph, tuple(self._inputs), outputs), argnums=argnums)

    def __str__(self) -> str:
        """The graph as far as it has come."""
        return str(self._builder.finish([]))

    def __repr__(self) -> str:
        inputs = ", ".join(given.name for given in self._inputs)
        return f"<graph builder {self.name}({inputs}): {len(self._builder.eqns)} equations>"

    # -- inside -------------------------------------------------------------------------------------------
    def _recording(self) -> Any:
        return self._builder.recording()

    def _unwrapped(self, tree: Any) -> Any:
        return optree.tree_map(self._value_of, tree, namespace=NAMESPACE)

    def _value_of(self, leaf: Any) -> Any:
        if not isinstance(leaf, Node):
            return leaf
        if leaf._owner is not self:
            raise ArgumentError(
                f"{leaf!r} belongs to the graph {leaf._owner.name}, and is used in {self.name}",
                src=here().src,
                advice="Build the one, and apply it as an operation of the other.",
            )
        return leaf._value

    def _wrapped(self, tree: Any) -> Any:
        return optree.tree_map(
            lambda leaf: Node(self, leaf) if isinstance(leaf, Traced) else leaf, tree, namespace=NAMESPACE
        )


class BuiltGraph:
    """A graph as a function of traced values."""

    def __init__(self, graph: Graph, inputs: tuple[Declared, ...], outputs: Outputs) -> None:
        self.__name__ = self.__qualname__ = graph.name
        self.__module__ = __name__
        self.__doc__ = f"The graph {graph.name}, built node by node."
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        self.__signature__ = inspect.Signature([inspect.Parameter(given.name, kind) for given in inputs])
        self.graph = graph
        self.inputs = inputs
        self.outputs = outputs

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            given = self.__signature__.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise ArgumentError(f"{self.__name__}{self.__signature__}: {error}", src=here().src) from None
        values = [value for declared in self.inputs for value in _fitting(declared, given[declared.name])]
        results = lifted(inline(self._with_named_constants(), values))
        return self.outputs.join(results)

    def _with_named_constants(self) -> Graph:
        """The graph; its constants become those of what is being traced, under their own names."""
        builder = Builder.innermost()
        if builder is not None:
            for var, array in self.graph.consts:
                atom = builder.atom(array)
                if isinstance(atom, Var) and atom.name == CAPTURED:
                    atom.name = var.name
        return self.graph


class GraphFunction(Differentiable[..., Any]):
    """A graph as a function that is compiled and differentiated like any other.  Made by `GraphBuilder.build`."""

    @property
    def graph(self) -> Graph:
        """The graph as it was built."""
        built: BuiltGraph = self.__wrapped__  # type: ignore[assignment]
        return built.graph

    def inspect(self, *args: Any, **kwargs: Any) -> Inspection:
        """What a call is compiled to; no arguments are needed, since their types are known."""
        built: BuiltGraph = self.__wrapped__  # type: ignore[assignment]
        if not args and not kwargs:
            args = tuple(_example(declared) for declared in built.inputs)
        return super().inspect(*args, **kwargs)


def _example(declared: Declared) -> Any:
    zeros = [np.zeros(shapes.static_shape(aval.shape), aval.dtype)[()] for aval in declared.avals]
    return declared.structure.unflatten(zeros)


def _fitting(declared: Declared, given: Any) -> list[Value]:
    """The leaves of an argument, which are of the types that were declared."""
    leaves, structure = flatten(given)
    if structure != declared.structure:
        raise StructureError(
            f"{declared.name} was declared as {declared.structure}, and is given as {structure}", src=declared.src
        )
    values: list[Value] = []
    for leaf, aval in zip(leaves, declared.avals, strict=True):
        found = value_aval(leaf)
        if not shapes.same(found.shape, aval.shape):
            raise ShapeError(
                f"{declared.name} was declared with shape {shapes.text(aval.shape)}, and is given one of shape "
                f"{shapes.text(found.shape)}",
                src=declared.src,
                advice="A graph that is built is for the shapes it was built for; build another for others.",
            )
        if found.dtype != aval.dtype and not found.weak:
            raise DtypeError(
                f"{declared.name} was declared as {aval.dtype}, and is given {found.dtype}",
                src=declared.src,
                advice=f"Convert it with .astype(np.{aval.dtype}), or declare it with dtype={found.dtype}.",
            )
        values.append(leaf if found == aval else to_dtype(leaf, aval.dtype))
    return values


def _operation(name: str) -> Callable[..., Any]:
    """A NumPy function, a special function, or an operation of the table, by its name."""
    found = getattr(np, name, None)
    if callable(found) and not isinstance(found, type):
        return found  # type: ignore[no-any-return]
    if name in SPECIAL:
        return getattr(special, name)  # type: ignore[no-any-return]
    if name in PRIMITIVES:
        return PRIMITIVES[name]
    known = sorted({*SPECIAL, *PRIMITIVES, *(n for n in dir(np) if callable(getattr(np, n)))})
    near = difflib.get_close_matches(name, known, n=3)
    raise UnsupportedFunctionError(
        f"there is no operation called {name!r}",
        src=here().src,
        advice=f"Near are {', '.join(near)}." if near else "Give a NumPy function, or any other function.",
    )


def graph_builder(name: str = "graph") -> GraphBuilder:
    """Begin a graph that is put together node by node.

    Where a traced function says what to compute by computing it, a graph builder is told: which inputs there are, and
    what is applied to which nodes.  The graph is the same, and so is all that becomes of it.

    Parameters
    ----------
    name : str, optional
        What the function is called.

    Returns
    -------
    GraphBuilder
        With the methods `input`, `constant`, `apply`, `bind` and `build`.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> g = bp.graph_builder("error")
    >>> w, x, t = g.input("w", (2, 3)), g.input("x", 3), g.input("t", 2)
    >>> y = g.apply("tanh", g.apply(np.matmul, w, x), name="y")
    >>> miss = y - t                                      # operators make nodes too
    >>> loss = np.sum(miss * miss)
    >>> error = g.build(loss)
    >>> print(error.graph)
    graph error(w: f64[2,3], x: f64[3], t: f64[2]) -> f64[]
      y_matvec: f64[2] = matvec w x ... y = g.apply("tanh", g.apply(np.matmul, w, x), name="y")
      y: f64[2] = tanh y_matvec
      miss: f64[2] = sub y t ... miss = y - t ...
      loss_mul: f64[2] = mul miss miss ... loss = np.sum(miss * miss)
      loss: f64[] = reduce_sum[axes=(0,)] loss_mul
      return loss
    >>> error(np.ones((2, 3)), np.zeros(3), np.ones(2))
    np.float64(2.0)
    >>> error.grad(np.zeros((2, 3)), np.ones(3), np.array([1.0, 0.0]))
    array([[-2., -2., -2.],
           [ 0.,  0.,  0.]])
    """
    return GraphBuilder(name)


__all__ = ["GraphBuilder", "GraphFunction", "Node", "graph_builder"]
