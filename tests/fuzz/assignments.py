"""Random programs of views and assignments, run by NumPy on arrays and by what is traced."""

import random
from typing import Any

import numpy as np

from staticbp import numpy as bnp
from staticbp.core.aval import aval_of
from staticbp.core.check import check_graph
from staticbp.core.graph import Graph
from staticbp.core.interpret import interpret
from staticbp.errors import MutationError, TracedIndexError
from staticbp.passes.pipeline import JOINT, PRIMAL, run
from staticbp.trace.trace import trace
from staticbp.transforms.jvp import jvp
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.support import assert_close, assert_lowered

REFUSALS = (  # what NumPy could do, and a graph cannot say
    "whether NumPy had to copy it",
    "how many elements the mask picks",
    "NumPy lets nobody write to",  # where nothing was to be written, it does
    "a traced boolean mask beside an array of known size",
)
SHAPES = ((4,), (6,), (3, 4), (2, 3), (2, 3, 2))


class Program:
    """The lines of a program over two arrays `a` and `b`, each of which NumPy has executed."""

    def __init__(self, seed: int, length: int = 12) -> None:
        self.random = random.Random(seed)
        self.shapes = [self.random.choice(SHAPES) for _ in range(2)]
        numbers = np.random.default_rng(seed)
        self.args = [numbers.uniform(-2, 2, shape) for shape in self.shapes]
        self.lines: list[str] = []
        self.variables: dict[str, Any] = {"np": np, "zeros": np.zeros, "int_of": int_of}
        self._run("a, b = a0.copy(), b0.copy()", a0=self.args[0], b0=self.args[1])
        while len(self.lines) < length:
            self._run(self._statement())

    def _run(self, line: str, **names: Any) -> None:
        namespace = {**self.variables, **names}
        try:
            with np.errstate(all="ignore"):
                exec(line, namespace)
        except (ValueError, IndexError, TypeError, np.exceptions.AxisError):
            return
        arrays = [value for value in namespace.values() if isinstance(value, np.ndarray | np.generic)]
        if any(value.size > 200 or not np.all(np.abs(value) < 1e6) for value in arrays):
            return  # too late for the arrays that were written to, which is why they are kept small
        namespace.pop("__builtins__", None)
        for name in names:
            namespace.pop(name)
        self.variables = namespace
        self.lines.append(line)

    def __str__(self) -> str:
        return "\n    ".join(self.lines)

    @property
    def names(self) -> list[str]:
        """The arrays there are."""
        return sorted(name for name, value in self.variables.items() if isinstance(value, np.ndarray))

    def _statement(self) -> str:
        new = self.random.choice("cdefgh")
        some, other = (self.random.choice(self.names) for _ in range(2))
        pick = self.random.random()
        if pick < 0.08:
            return f"{new} = {other}"
        if pick < 0.38:
            return f"{new} = {self._view(some)}"
        if pick < 0.48:
            return f"{new} = {self._fresh(some, other)}"
        if pick < 0.68:
            key, value = self._key(some), self._value(other)
            masked = ">" in key or "[" in key  # by a mask NumPy assigns what lies in the same memory as it comes
            return f"{some}[{key}] = {f'1.0 * {value}' if masked else value}"
        if pick < 0.78:
            return f"{some}[{self._key(some)}] {self._operator()} {self._value(other)}"
        if pick < 0.88:
            return f"{some} {self._operator()} {self._value(other)}"
        return self._call(some, other)

    def _operator(self) -> str:
        return self.random.choice(["+=", "-=", "*=", "/="])

    def _view(self, name: str) -> str:
        rank, shape = self.variables[name].ndim, self.variables[name].shape
        axis = self.random.randrange(max(rank, 1))
        return self.random.choice(
            [
                f"{name}[{self._basic(name)}]",
                f"{name}[{self._basic(name)}]",
                f"{name}.T",
                f"{name}.swapaxes(0, {axis})",
                f"np.moveaxis({name}, {axis}, 0)",
                f"{name}.reshape(-1)",
                f"np.ravel({name})",
                f"{name}.reshape({tuple(reversed(shape))})",
                f"{name}.reshape(2, -1)",
                f"np.flip({name}, {axis})",
                f"np.expand_dims({name}, {axis})",
                f"np.squeeze({name})",
                f"np.split({name}, 2)[{self.random.randrange(2)}]",
                f"np.array_split({name}, 3, axis={axis})[1]",
                f"np.atleast_2d({name})",
                f"np.rot90({name})",
                f"np.diagonal({name})",
                f"list({name})[-1]",
            ]
        )

    def _fresh(self, some: str, other: str) -> str:
        return self.random.choice(
            [
                f"np.zeros_like({some})",
                f"zeros({self.variables[some].shape})",
                f"{some}.copy()",
                f"np.copy({some} * 0.5)",
                f"np.tanh({some}) + {other}",
                f"{some}[[0, -1]]",
                f"np.concatenate([{some}, {some}])",
                f"np.where({some} > 0, {some}, {other})",
                f"{some}.flatten()",
                f"np.sort({some}, axis=0)",
                f"{some}.astype(float)",
            ]
        )

    def _value(self, other: str) -> str:
        return self.random.choice(
            [
                "0.5",
                "-1.5",
                f"np.sin({other})",
                other,
                f"{other}[{self._basic(other)}]",
                f"{other}.sum() * 0.25",
                f"{other}.T",
            ]
        )

    def _basic(self, name: str) -> str:
        shape = self.variables[name].shape
        entries = []
        for extent in shape[: self.random.randint(0, len(shape))] if shape else ():
            low, high = sorted(self.random.randint(-extent, extent) for _ in range(2))
            entries.append(
                self.random.choice(
                    [
                        str(self.random.randrange(-extent, extent) if extent else 0),
                        f"{low}:{high}",
                        "::2",
                        "::-1",
                        "1:",
                        ":-1",
                        ":",
                    ]
                )
            )
        if self.random.random() < 0.2:
            entries.insert(self.random.randint(0, len(entries)), self.random.choice(["None", "..."]))
        return ", ".join(entries) or "..."

    def _key(self, name: str) -> str:
        shape = self.variables[name].shape
        first = shape[0] if shape else 1
        pick = self.random.random()
        if pick < 0.6:
            return self._basic(name)
        if pick < 0.7:
            return f"{name} > {self.random.choice([0, 0.5])}"
        if pick < 0.8:
            return str([self.random.randrange(-first, first) if first else 0 for _ in range(self.random.randint(1, 3))])
        if pick < 0.9:
            return f"np.array({[self.random.random() < 0.5 for _ in range(first)]})"
        return f"int_of({name})"

    def _call(self, some: str, other: str) -> str:
        size = max(self.variables[some].size, 1)
        places = [self.random.randrange(-size, size) for _ in range(3)]
        first = max(self.variables[some].shape[0] if self.variables[some].shape else 1, 1)
        rows = [self.random.randrange(first) for _ in range(3)]
        return self.random.choice(
            [
                f"np.copyto({some}, {self._value(other)})",
                f"np.copyto({some}, {self._value(other)}, where={some} > 0)",
                f"np.put({some}, {places}, {self.random.choice(['0.25', '[1.0, -1.0]'])})",
                f"np.putmask({some}, {some} > 0, {self._value(other)})",
                f"np.add.at({some}, {rows}, {self._value(other)})",
                f"np.fill_diagonal({some}, 0.75)",
                f"{some}.fill(0.5)",
                f"{some}.sort(axis=0)",
                f"np.negative({some}, out={some})",
                f"np.add({some}, 0.5, out={some})",
            ]
        )

    def traced(self, a0: Any, b0: Any) -> tuple[Any, ...]:
        """What the variables hold in the end, computed on whatever is given."""
        namespace: dict[str, Any] = {"np": np, "zeros": bnp.zeros, "a0": a0, "b0": b0, "int_of": int_of}
        for number, line in enumerate(self.lines):
            exec(compile(line, f"<line {number}>", "exec"), namespace)
        return tuple(namespace[name] for name in self.names)


def int_of(x: Any) -> Any:
    """An index that is traced where the array is."""
    return (np.abs(x.ravel()[0] * 7) % x.shape[0]).astype(int)


def graph_of(program: Program) -> Graph:
    """The checked graph of a program."""
    return check_graph(trace(program.traced, "program", [aval_of(x) for x in program.args], ["a0", "b0"]))


def check(seed: int, lowering: bool = True, derivatives: bool = False) -> str:
    """Compare a program with NumPy: in its graph, simplified, and in generated text; ``"refused"`` or ``"same"``."""
    program = Program(seed)
    program.variables["int_of"] = int_of
    try:
        graph = graph_of(program)
    except (MutationError, TracedIndexError) as error:
        if any(reason in str(error) for reason in REFUSALS):
            return "refused"
        raise
    wanted = program.traced(*(x.copy() for x in program.args))
    for ours, numpys in zip(interpret(graph, program.args), wanted, strict=True):
        assert ours.shape == numpys.shape
        assert_close(ours, numpys)
    simplified = run(run(graph, PRIMAL, check=True), JOINT, check=True)
    for ours, numpys in zip(interpret(simplified, program.args), wanted, strict=True):
        assert_close(ours, numpys)
    if lowering:
        assert_lowered(graph, program.args)
        assert_lowered(simplified, program.args)
    if derivatives and all(np.all(np.isfinite(value)) for value in wanted):
        _check_derivatives(graph, program)
    return "same"


def _check_derivatives(graph: Graph, program: Program) -> None:
    """Reverse mode is the transpose of forward mode; both as they are and simplified, by generated text."""
    floats = [atom.aval.dtype.kind == "f" for atom in graph.outs]
    rng = np.random.default_rng(0)
    dots = [rng.standard_normal(x.shape) for x in program.args]
    forward = jvp(RULES, graph, [True, True])
    moved = interpret(forward, [*program.args, *dots])[len(graph.outs) :]
    bars = [rng.standard_normal(dot.shape) for dot in moved]
    backward = vjp(RULES, graph, [True, True])
    assert all(floats)
    joint = run(backward, JOINT, check=True)
    flowing = RULES.active_outputs(graph, [True, True])
    assert sum(flowing) == len(moved)
    for back in (backward, joint):
        found = assert_lowered(back, [*program.args, *bars])[len(graph.outs) :]
        left = sum(float(np.sum(bar * dot)) for bar, dot in zip(found, dots, strict=True))
        right = sum(float(np.sum(bar * dot)) for bar, dot in zip(bars, moved, strict=True))
        assert abs(left - right) <= 1e-9 * max(1.0, abs(left), abs(right)), (left, right)
