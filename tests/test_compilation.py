"""The conductor: names, stages, and what the result of a compilation is."""

import numpy as np
import pytest

import staticbp as bp
from staticbp.compilation import Compilation, Outputs, identifier, identifiers
from staticbp.core.aval import FLOAT64, Aval
from staticbp.core.check import check_graph
from staticbp.core.interpret import interpret

VECTOR = Aval((3,), FLOAT64)


def compilation(function, *avals):
    names = ["x", "y", "z"][: len(avals)]
    return Compilation("f", "f(x)", function, list(avals), names, function)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("net.layers[0].weights", "net_layers_0_weights"),
        ("p['weight']", "p_weight"),
        ("lambda", "lambda_"),
        ("np", "np_"),
        ("work", "work_"),
        ("__init__", "init"),
        ("naïve", "na_ve"),
        ("['1']", "v1"),
        ("", "value"),
    ],
)
def test_identifiers_are_safe(text, name):
    assert identifier(text) == name
    assert name.isidentifier()
    assert name.isascii()


def test_leaves_are_named_shortly_where_that_is_clear():
    assert identifiers(["net.w", "net.b", "x"]) == ["w", "b", "x"]
    assert identifiers(["net.x", "x"]) == ["net_x", "x"]
    assert identifiers(["params[0]", "params[1]"]) == ["params_0", "params_1"]


def test_each_stage_is_a_graph_of_the_same_meaning():
    made = compilation(lambda x: {"sum": np.sum(x * 1.0 + 0.0 * x), "n": 3, "x": x}, VECTOR)
    x = np.array([1.0, 2.0, 3.0])
    results = [interpret(check_graph(graph), [x]) for _, graph in [("", made.graph), *made.stages]]
    for result in results:
        assert len(result) == 2
        assert result[0] == 6.0
        assert np.array_equal(result[1], x)
    assert made.stages[0][0] == "trace"
    values = made.entry([x])
    assert made.outputs.join(values)["sum"] == 6.0
    assert made.outputs.join(values)["n"] == 3


def test_stages_are_made_when_asked_for():
    made = compilation(lambda x: np.sin(x), VECTOR)
    assert made.stages == []
    assert "vm.sin" in made.source
    assert "entry" not in vars(made)


def test_the_text_is_the_same_each_time():
    def f(x, y):
        return np.tanh(x) @ y, {"b": x * y, "a": x - y}

    texts = {compilation(f, VECTOR, VECTOR).source for _ in range(3)}
    assert len(texts) == 1


def test_outputs_keep_what_no_graph_computes():
    values, outputs = Outputs.of({"x": np.ones(2), "n": 3, "s": "text"}, "f")
    assert len(values) == 1
    again = outputs.join([np.zeros(2)])
    assert again["n"] == 3
    assert again["s"] == "text"
    assert np.array_equal(again["x"], np.zeros(2))


def test_inspection_shows_every_stage():
    @bp.differentiable
    def loss(w, x, t):
        h = np.tanh(w @ x)
        e = h - t
        return e @ e

    args = (np.ones((4, 3)), np.ones(3), np.ones(4))
    seen = loss.grad.inspect(*args)
    assert str(seen.graph).startswith("graph loss_grad(w: f64[4,3], x: f64[3], t: f64[4]) -> f64[4,3]")
    assert next(iter(seen.stages)) == "trace"
    assert list(seen.stages.values())[-1] is seen.graph
    assert seen.schedule.name == "loss_grad"
    assert "define" in seen.llvm
    assert len(seen.asm.splitlines()) > 10
    assert str(seen).count("----") > 2
    assert "Gradient of loss(w, x, t) with respect to w" in repr(seen)
    # The two halves belong to each other: the one computes what the other takes.
    forward, adjoint = (text.split("def ")[1].split(":")[0] for text in (seen.forward_source, seen.adjoint_source))
    assert forward.startswith("loss_forward(w, x, t, ")
    assert adjoint.startswith("loss_adjoint(")
    assert adjoint.endswith(", w_bar)")
    saved = adjoint.removeprefix("loss_adjoint(").split(", ")[:-2]
    assert saved[0] in forward
    assert "def loss_forward(" in loss.inspect(*args).forward_source
    assert "def loss_adjoint(" in loss.vjp.inspect(*args).adjoint_source
    assert "def loss(" in loss.inspect(*args).source
    assert bp.inspect(np.sin, 1.0).adjoint_source.startswith("# nothing")


def test_a_field_that_is_not_read_costs_no_arithmetic():
    """The gradient by one of many fields: no sum over the fields, no loop that fills zeros."""
    shapes = [Aval((100, 100), FLOAT64)] * 20
    fields = [f"field_{i}" for i in range(20)]

    def gradient(*values):
        return bp.grad(lambda fields: np.sum(fields[7] ** 2))(list(values))

    made = Compilation("f", "f", gradient, shapes, fields, gradient)
    assert [eqn.op.name for eqn in made.graph.eqns] == ["mul"]
    assert made.zeros == set(range(20)) - {7}
    assert [buffer.aval for buffer in made.schedule.results] == [shapes[7]]
    assert made.source.count("for ") == 2
    values = made.entry([np.full((100, 100), 3.0)] * 20)
    assert np.array_equal(values[7], np.full((100, 100), 6.0))
    assert not any(np.any(value) for i, value in enumerate(values) if i != 7)


def test_minus_zero_is_not_taken_for_zero():
    made = compilation(lambda x: (x, np.full(3, -0.0), np.zeros(3)), VECTOR)
    assert made.zeros.isdisjoint({0, 1})
    assert np.array_equal(np.signbit(made.entry([np.ones(3)])[1]), [True] * 3)
