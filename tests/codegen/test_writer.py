"""Generated code is a product: these files are what people read."""

import ast

import numpy as np
import pytest

from staticbp.codegen.writer import PAUSED, is_sliced, parameters, write
from staticbp.core.aval import FLOAT64, Aval
from staticbp.core.graph import SrcLine
from staticbp.core.schedule import (
    Apply,
    Buffer,
    Check,
    Const,
    If,
    Let,
    Load,
    Local,
    Loop,
    Schedule,
    Store,
    While,
    loop_index,
)
from staticbp.ops import special
from staticbp.ops.control import scan
from staticbp.passes import effort
from staticbp.passes.pipeline import JOINT, PRIMAL, run
from staticbp.runtime.whitelist import check
from staticbp.trace.trace import trace
from staticbp.transforms.rules import RULES
from staticbp.transforms.vjp import vjp
from tests.support import assert_lowered, graph_of, lowered

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape)


def regression(w, b, X, y):
    e = X @ w + b - y
    return np.mean(e**2)


def logistic_regression(w, b, X, y):
    p = special.expit(X @ w + b)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def mlp(W1, b1, W2, b2, X, Y):
    h = np.tanh(X @ W1 + b1)
    z = h @ W2 + b2
    return np.mean((z - Y) ** 2)


def cross_entropy(W, b, X, T):
    z = X @ W + b
    p = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
    return -np.mean(np.sum(T * np.log(p), axis=1))


def net_err(W1, b1, W2, b2, x, t):
    h = special.expit(W1 @ x + b1)
    p = special.softmax(W2 @ h + b2)
    return -np.log(p) @ t


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def black_scholes(spot, strike, rate, sigma, time):
    spread = sigma * np.sqrt(time)
    d1 = (np.log(spot / strike) + (rate + sigma**2 / 2) * time) / spread
    d2 = d1 - spread
    gain = spot * 0.5 * (1 + special.erf(d1 / np.sqrt(2)))
    cost = strike * np.exp(-rate * time) * 0.5 * (1 + special.erf(d2 / np.sqrt(2)))
    return gain - cost


def kepler(position, velocity, dt):
    r = np.sqrt(np.sum(position**2))
    velocity = velocity - dt * position / r**3
    position = position + dt * velocity
    return np.sum(position**2) + np.sum(velocity**2)


def convolution(image, kernel):
    out = np.zeros_like(image[:6, :6])
    for i in range(2):
        for j in range(2):
            out = out + kernel[i, j] * image[i : i + 6, j : j + 6]
    return np.sum(np.maximum(out, 0.0))


def attention(Q, K, V):
    scores = Q @ K.T / np.sqrt(8.0)
    weights = special.softmax(scores, axis=-1)
    return np.sum((weights @ V) ** 2)


def normalised(x, gain, bias):
    centred = x - np.mean(x, axis=1, keepdims=True)
    deviation = np.sqrt(np.mean(centred**2, axis=1, keepdims=True) + 1e-5)
    return np.sum(np.tanh(centred / deviation * gain + bias))


def embedding(table, ids):
    rows = table[ids]
    return np.sum(np.tanh(rows))


def drawdown(returns):
    total = np.cumsum(returns)
    return np.mean((total - np.max(total)) ** 2)


def neuron(a, b, c, x, y):
    return special.expit(a * x + b * y + c)


def descent(w, X, y):
    def step(w, x, target):
        error = w @ x - target
        return [w - 0.1 * error * x]

    body = trace(step, "step", [Aval((3,), FLOAT64), Aval((3,), FLOAT64), Aval((), FLOAT64)], ["w", "x", "target"])
    trained = scan(w, X, y, body=body, n_consts=0, n_carry=1, length=5, reverse=False)
    return np.sum(trained**2)


SINGLE = np.float32
CASES = [
    (regression, 2, (normal(5), 0.5, normal(30, 5), normal(30))),
    (logistic_regression, 2, (normal(5), 0.5, normal(30, 5), RNG.integers(0, 2, 30).astype(float))),
    (mlp, 4, (normal(20, 16), normal(16), normal(16, 4), normal(4), normal(32, 20), normal(32, 4))),
    (cross_entropy, 2, (normal(20, 10), normal(10), normal(32, 20), np.eye(10)[RNG.integers(0, 10, 32)])),
    (net_err, 4, tuple(normal(*s).astype(SINGLE) for s in ((16, 20), (16,), (10, 16), (10,), (20,), (10,)))),
    (rosenbrock, 1, (normal(10),)),
    (black_scholes, 5, (100.0, 95.0, 0.02, 0.3, 1.5)),
    (kepler, 2, (normal(3), normal(3), 0.01)),
    (convolution, 2, (normal(8, 8), normal(2, 2))),
    (attention, 3, (normal(12, 8), normal(12, 8), normal(12, 8))),
    (normalised, 3, (normal(6, 5), normal(5), normal(5))),
    (embedding, 1, (normal(9, 4), np.array([1, -1, 8, 1]))),
    (drawdown, 1, (normal(12),)),
    (neuron, 5, (1.0, 2.0, -3.0, -1.0, 3.0)),
    (descent, 1, (normal(3), normal(5, 3), normal(5))),
]
IDS = [function.__name__ for function, _, _ in CASES]


def gradient(function, count, args):
    graph = run(graph_of(function, *args), PRIMAL, check=True)
    joint = vjp(RULES, graph, [position < count for position in range(len(args))])
    return run(joint, JOINT, check=True)


@pytest.mark.parametrize(("function", "count", "args"), CASES, ids=IDS)
def test_gradients(function, count, args, golden):
    joint = gradient(function, count, args)
    one = args[0].dtype.type(1) if isinstance(args[0], np.ndarray) else 1.0
    assert_lowered(joint, [*args, one])
    text = write(lowered(joint), f"Value and gradient of {function.__name__}")
    check(text)
    golden(f"code_{function.__name__}.txt", text)


@pytest.mark.parametrize(("function", "count", "args"), CASES, ids=IDS)
def test_no_line_is_dead_and_none_is_too_long(function, count, args):
    text = write(lowered(gradient(function, count, args)), function.__name__)
    tree = ast.parse(text)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    stored = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    read = {node.id for node in names if isinstance(node.ctx, ast.Load)}
    assert stored <= read, stored - read
    assert all(len(line) <= 110 for line in text.split("\n") if "#" not in line)
    comments = [line.strip() for line in text.split("\n") if line.strip().startswith("# test_writer.py")]
    assert len(comments) == len(set(comments)) > 0


def test_the_same_function_gives_the_same_text():
    function, count, args = CASES[4]
    first, second = (write(lowered(gradient(function, count, args)), "f") for _ in range(2))
    assert first == second


def test_a_loop_that_can_be_interrupted(golden, monkeypatch):
    monkeypatch.setattr(effort, "SLICED_WORK", 0)
    function, count, args = CASES[-1]
    joint = gradient(function, count, args)
    assert_lowered(joint, [*args, 1.0])
    schedule = lowered(joint)
    assert is_sliced(schedule)
    assert parameters(schedule)[-2:] == ["work", "progress"]
    text = write(schedule, "A long loop")
    assert f"return {PAUSED}" in text
    check(text)
    golden("code_sliced.txt", text)


# ---- small things -------------------------------------------------------------------------------------------------

X, OUT = (Buffer(name, Aval((4,), FLOAT64), role) for name, role in (("x", "argument"), ("out", "result")))
I_, ONE = loop_index("i"), Const(np.float64(1))


def lines_of(*body, arguments=(X,)):
    schedule = Schedule("f", list(arguments), [], [OUT], [], list(body), [])
    text = write(schedule, "title").split("\n")
    return text[text.index("def f(x, out):") + 1 : -1]


def op(pattern, *args):
    return Apply(pattern, args, np.dtype(np.float64))


def test_updates_are_written_as_such():
    x, s = Load(OUT, (I_,)), Local("s", FLOAT64)
    body = [
        Store(OUT, (I_,), op("{0} + {1}", x, ONE)),
        Store(OUT, (I_,), op("{0} - {1}", x, op("{0} * {1}", ONE, s))),
        Store(OUT, (I_,), op("{0} - {1}", ONE, x)),
        Store(OUT, (I_,), op("{0} * {1}", ONE, x)),
        Let("s", op("{0} / {1}", s, ONE)),
        Let("s", op("{0} + {1}", op("{0} + {1}", s, ONE), ONE)),
    ]
    assert [line.strip() for line in lines_of(Let("s", ONE), Loop("i", 4, body))] == [
        "s = 1.0",
        "for i in range(4):",
        "out[i] += 1.0",
        "out[i] -= 1.0 * s",
        "out[i] = 1.0 - out[i]",
        "out[i] *= 1.0",
        "s /= 1.0",
        "s = s + 1.0 + 1.0",
        "return 0",
    ]


def test_branches_loops_and_checks():
    test = op("{0} < {1}", Load(X, (I_,)), ONE)
    body = [
        Check(test, 3),
        If(test, [Store(OUT, (I_,), ONE)], []),
        If(test, [], [Store(OUT, (I_,), ONE)]),
        While([Let("s", ONE)], test, [Store(OUT, (I_,), Local("s", FLOAT64))]),
    ]
    assert lines_of(Loop("i", 4, body, reverse=True)) == [
        "    for i in range(3, -1, -1):",
        "        if not (x[i] < 1.0):",
        "            return 3",
        "        if x[i] < 1.0:",
        "            out[i] = 1.0",
        "        if x[i] < 1.0:",
        "            pass",
        "        else:",
        "            out[i] = 1.0",
        "        while True:",
        "            s = 1.0",
        "            if not (x[i] < 1.0):",
        "                break",
        "            out[i] = s",
        "    return 0",
    ]


def line(number, text="y = x"):
    return SrcLine("net.py", number, text)


def test_a_line_is_quoted_above_what_it_became():
    text = lines_of(
        Let("s", ONE),
        Loop("i", 4, [Store(OUT, (I_,), Local("s", FLOAT64), src=(line(3), line(4)))]),
        Loop("i", 4, [Store(OUT, (I_,), ONE, src=(line(4),)), Store(OUT, (I_,), ONE, src=(line(5),))]),
        Loop("i", 4, [Store(OUT, (I_,), ONE, src=(line(6),)), Store(OUT, (I_,), ONE, src=(line(7),))]),
    )
    assert text == [
        "    # net.py:3  y = x",
        "    # net.py:4  y = x",
        "    s = 1.0",
        "    for i in range(4):",
        "        out[i] = s",
        "    # net.py:5  y = x",
        "    for i in range(4):",
        "        out[i] = 1.0",
        "        out[i] = 1.0",
        "    for i in range(4):",
        "        # net.py:6  y = x",
        "        out[i] = 1.0",
        "        # net.py:7  y = x",
        "        out[i] = 1.0",
        "    return 0",
    ]


def test_the_adjoint_begins_where_the_forward_pass_ends_and_quotes_only_what_is_new():
    text = lines_of(
        Let("a", ONE, adjoint=True, src=(line(4),)),
        Let("b", ONE, src=(line(3),)),
        Let("c", ONE, adjoint=True, src=(line(3), line(5))),
        Let("d", ONE, src=(line(4),)),
        Let("e", ONE, adjoint=True, src=(line(6),)),
    )
    assert [entry.strip() for entry in text] == [
        "# net.py:4  y = x",
        "a = 1.0",
        "# net.py:3  y = x",
        "b = 1.0",
        "# net.py:5  y = x",
        "c = 1.0",
        "d = 1.0",
        "# ---- adjoint ----",
        "# net.py:6  y = x",
        "e = 1.0",
        "return 0",
    ]


@pytest.mark.parametrize(
    "nasty",
    [
        'y = """\nimport os',
        "y = 1\rimport os",
        "y = '\\N{BULLET}' # \u2028 import os",
        "\x00",
        'ends with "',
        "naïve = 'é'",
    ],
)
def test_what_the_user_wrote_stays_in_its_comment(nasty):
    schedule = Schedule("f", [X], [], [OUT], [], [Store(OUT, (loop_index("i") * 0,), ONE, src=(line(1, nasty),))], [])
    text = write(schedule, f'title {nasty} """ \\')
    tree = ast.parse(text)
    assert [type(node).__name__ for node in tree.body] == ["Expr", "FunctionDef"]
    assert [type(node).__name__ for node in tree.body[-1].body] == ["Assign", "Return"]


def test_many_parameters_are_wrapped():
    arguments = [Buffer(f"a_parameter_with_a_long_name_{n}", Aval((), FLOAT64), "argument") for n in range(9)]
    text = write(Schedule("f", arguments, [], [OUT], [], [], []), "title")
    header = text[text.index("def f") :].split("\n")
    assert header[0] == "def f("
    assert header[-3] == "):"
    assert all(len(entry) <= 110 for entry in header)
    assert [a.arg for a in ast.parse(text).body[-1].args.args] == [*(a.name for a in arguments), "out"]


def test_only_modules_that_are_used_are_imported():
    assert "staticbp" not in write(Schedule("f", [X], [], [OUT], [], [], []), "title")
    text = write(lowered(graph_of(mlp, *CASES[2][2])), "title")
    assert "from staticbp.runtime import blas\nfrom staticbp.runtime import vecmath as vm\n" in text
