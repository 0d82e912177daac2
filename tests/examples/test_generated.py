"""The code that is generated for the examples, and for what is hard to read, is code that one would want to read.

It runs as plain Python to the answers of the graph's interpreter; it assigns nothing that is not used; its names are
those of the user, or of the field; every line of it comes from a line of the user's; and a linter has nothing to say.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import staticbp as bp
from staticbp.core.interpret import interpret
from staticbp.core.schedule import Reshape
from staticbp.core.traverse import children, source_lines
from staticbp.ops.registry import PRIMITIVES
from tests.support import execute

# What of ruff's rules is asked for: pyflakes, pycodestyle, imports, bugbear, comprehensions, simplifications, pyupgrade
# and ruff's own.
RULES = "E,W,F,I,B,C4,SIM,UP,PIE,RUF,PLE,PLW,FLY"

# Words that names are made of besides the user's and those of operations: what calculus and linear algebra say, what
# the parts of a loop are called, and what the runtime hands over.
# Not asked: names such as `l`, which is a loop index to a mathematician; branches as expressions; and the length of
# comments, which quote the user.
IGNORED = "E741,SIM108,E501"
WORDS = """
    bar dot grad hessian hvp jvp vjp jacobian value tangent adjoint forward residual slope series
    np vm blas kernels linalg fft native threads work progress start stop chosen holds
    next out total rows carry carries captured filled going kept present last segment position steps stride range row
    i j k l m n p q r s t u v w x y z function batch
"""

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape)


# ---- functions of no example: control flow, and derivatives of derivatives ----------------------------------------


def bounded(x):
    return bp.cond(x[0] > 0, lambda: np.sum(np.sqrt(x)), lambda: np.sum(x * x))


def piecewise(kind, x):
    return bp.switch(kind, [np.sin, np.cos, lambda value: value * value], x)


def newton(x):
    return bp.while_loop(lambda guess: np.abs(guess * guess - x) > 1e-12, lambda guess: 0.5 * (guess + x / guess), x)


def running(x, rows):
    def step(mean, row):
        mean = 0.9 * mean + 0.1 * row
        return mean, np.max(mean)

    return np.sum(bp.scan(step, x, rows)[1])


def attention(queries, keys, values):
    weights = bp.special.softmax(queries @ keys.T, axis=-1)
    return np.sum(weights @ values)


def mirrored(x):
    return np.tanh(x) * x[::-1]


def energy(x):
    return np.sum(np.tanh(x) ** 2) + np.prod(x[:2])


def layer(module, outputs, inputs):
    return module.Layer(normal(outputs, inputs), normal(outputs))


XS, TARGETS = normal(8, 20), np.eye(10)[:8]
POINTS, LABELS = normal(12, 2), np.sign(normal(12))


def _network(mnist):
    return mnist.Network([layer(mnist, 16, 20), layer(mnist, 10, 16)])


# By name: the example, and what makes a function of its module, and arguments.
EXAMPLES = {
    "net_err": ("mnist", lambda m: (m.net_err.grad, (_network(m), XS[0], TARGETS[0]))),
    "mean_err": ("mnist", lambda m: (bp.value_and_grad(m.mean_err), (_network(m), XS, TARGETS))),
    "train": ("mnist", lambda m: (m.train, (_network(m), XS, TARGETS, 0.02))),
    "train_minibatch": ("mnist", lambda m: (m.train, (_network(m), XS, TARGETS, 0.02, 4))),
    "moons": (
        "moons",
        lambda m: (bp.grad(m.loss), (m.MLP([layer(m, 6, 2), layer(m, 1, 6)]), POINTS, LABELS)),
    ),
    "climb": ("ascent", lambda m: (m.climb, ([0.3, 0.4], 0.1, 5))),
    "curvature": ("curvature", lambda m: (m.loss.grad, (0.1 * normal(*_numbers(m).shape), POINTS, LABELS))),
    "curvature_hessian": ("curvature", lambda m: (m.hessian, (0.1 * normal(*_numbers(m).shape), POINTS, LABELS))),
    "neuron": ("hackers_guide", lambda m: (m.neuron.grad, ([1.0, 2.0, -3.0, -1.0, 3.0],))),
    "orbit": ("kepler", lambda m: (m.misfit.grad, (m.GUESS, np.linspace(0, 3, 9), normal(9, 2)))),
    "lorenz": ("lorenz", lambda m: (m.backwards, (normal(3), m.Constants(), 0.01, 20))),
    "squared_error": (
        "neural_test",
        lambda m: (bp.grad(m.squared_error), ([layer(m, 5, 2), layer(m, 1, 5)], POINTS[0], np.ones(1))),
    ),
    "rosenbrock_hessian": ("rosenbrock", lambda m: (bp.hessian(m.rosenbrock), (normal(5),))),
    "greeks": ("black_scholes", lambda m: (m.greeks_over, (100 + normal(4), m.Option(100.0, 95.0, 0.5, 0.02, 0.3)))),
    "third_derivative": ("mono_test", lambda m: (bp.grad(bp.grad(bp.grad(m.pulse))), (0.7,))),
}

# The same for functions of this file.
OTHERS = {
    "bounded": (bp.grad(bounded), (normal(4) ** 2,)),
    "piecewise": (bp.compile(piecewise), (1, 0.4)),
    "newton": (bp.compile(newton), (2.0,)),
    "newton_grad": (bp.grad(newton), (2.0,)),
    "running": (bp.grad(running), (normal(3), normal(6, 3))),
    "attention": (bp.grad(attention, (0, 1, 2)), (normal(5, 4), normal(6, 4), normal(6, 3))),
    "curve": (bp.compile(lambda x, v: bp.jvp(bp.grad(energy), (x,), (v,))[1]), (normal(4), normal(4))),
    "batch": (bp.vmap(bp.grad(energy)), (normal(5, 4),)),
    "jacobian": (bp.jacfwd(mirrored), (normal(4),)),
}


def _numbers(curvature):
    return bp.tree.ravel(curvature.init_network(RNG))[0]


@pytest.fixture(params=[*EXAMPLES, *OTHERS])
def case(request, load_example):
    """A name, what is compiled, the arguments as leaves, and the text that the names come from."""
    name = request.param
    if name in OTHERS:
        function, args = OTHERS[name]
        program = Path(__file__).read_text(encoding="utf-8")
    else:
        file, make = EXAMPLES[name]
        module = load_example(file)
        function, args = make(module)
        program = Path(module.__file__).read_text(encoding="utf-8")
    call = function._call(args, {})
    compilation = function._compilation(call)
    repr(compilation.source)  # here, where no name is waiting for a value, which traced ones would get
    return name, compilation, call.leaves, program


# ---- what is asked of the code ----------------------------------------------------------------------------------


def test_it_runs_uncompiled_to_the_same_answer(case):
    _, compilation, leaves, _ = case
    graph = compilation.graph
    expected = interpret(graph, leaves)
    computed = [i for i in range(len(graph.outs)) if i not in compilation.zeros]
    consts = [array for _, array in graph.consts]
    status, results = execute(compilation.schedule, compilation.source, leaves, consts)
    assert status == 0
    for position, result in zip(computed, results, strict=True):
        np.testing.assert_allclose(result, expected[position], rtol=1e-9, atol=1e-11)


def test_what_is_assigned_is_used(case):
    _, compilation, _, _ = case
    names = [node for node in ast.walk(ast.parse(compilation.source)) if isinstance(node, ast.Name)]
    stored, read = ({node.id for node in names if isinstance(node.ctx, kind)} for kind in (ast.Store, ast.Load))
    assert stored <= read, stored - read


def words(text):
    """The words in the identifiers of a program: ``h_bar_2`` has h and bar, ``d1`` has d; ``_ij`` are loop indexes."""
    names = re.findall(r"[^\W\d]\w*", text)
    found = {word for name in names for word in re.split(r"[_\d]+", re.sub(r"_[i-wi-w\d]{1,4}$", "", name))}
    return found - {""}


def test_names_are_the_users_or_of_the_field(case):
    _, compilation, _, program = case
    tree = ast.parse(compilation.source)
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    operations = {word for op in PRIMITIVES.values() for word in op.name.split("_")}
    known = words(WORDS) | operations | words(program)
    strange = {name for name in found if words(name) - known}
    assert not strange


def test_every_line_comes_from_a_line_of_the_program(case):
    _, compilation, _, _ = case
    homeless = []

    def visit(block, here):
        for stmt in block:
            here = here or bool(source_lines(stmt))
            if not here and not isinstance(stmt, Reshape):
                homeless.append(stmt)
            for inner in children(stmt):
                visit(inner, here)

    visit(
        compilation.schedule.body, bool(compilation.schedule.body and any(map(source_lines, compilation.schedule.body)))
    )
    assert not homeless
    numbered = [line for line in compilation.source.splitlines() if re.match(r" *# \S+\.py:\d+  \S", line)]
    assert numbered
    assert len(set(numbered)) == len(numbered)  # each line of the program is quoted once


def test_a_linter_has_nothing_to_say(load_example, tmp_path):
    for name, (file, make) in EXAMPLES.items():
        function, args = make(load_example(file))
        (tmp_path / f"{name}.py").write_text(bp.inspect(function, *args).source, encoding="utf-8")
    for name, (function, args) in OTHERS.items():
        (tmp_path / f"{name}.py").write_text(bp.inspect(function, *args).source, encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", RULES, "--ignore", IGNORED]
    command += ["--line-length", "120", "--output-format", "concise", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
