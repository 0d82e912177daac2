import ast

import pytest

from staticbp.codegen.layout import WIDTH, layout

TERMS = [f"weights[{n}, i] * values[{n}]" for n in range(9)]


@pytest.mark.parametrize(
    ("head", "value"),
    [
        ("total = ", " + ".join(TERMS)),
        ("total = ", " - ".join(TERMS)),
        ("x[i, j] += ", " * ".join(f"(a[{n}] + b[{n}])" for n in range(12))),
        ("y = ", f"{' + '.join(TERMS[:3])} if {' + '.join(TERMS[3:6])} > 0.0 else {' + '.join(TERMS[6:])}"),
        ("total = ", f"vm.radd(total, {' + '.join(TERMS)})"),
        ("", f"blas.gemm({', '.join(f'a_rather_long_name_{n}' for n in range(8))})"),
        ("z = ", f"vm.exp(-({' + '.join(TERMS[:5])}))"),
        ("z = ", f"vm.exp(vm.sin({' + '.join(TERMS[:5])}) * vm.cos({' + '.join(TERMS[5:])}))"),
        ("z = ", f"np.float32({' + '.join(TERMS)}) * np.float32(0.5)"),
    ],
)
@pytest.mark.parametrize("depth", [1, 4])
def test_long_statements_are_broken_without_a_change(head, value, depth):
    pad = "    " * depth
    lines = layout(head, value, pad)
    assert len(lines) > 1
    assert all(len(line) <= WIDTH for line in lines)
    assert all(line.startswith(pad) for line in lines)
    assert ast.dump(ast.parse("\n".join(line[len(pad) :] for line in lines))) == ast.dump(ast.parse(head + value))


def test_short_statements_stay():
    assert layout("x = ", "a + b", "  ") == ["  x = a + b"]


def test_what_cannot_be_broken_stays():
    name = "a" * (WIDTH + 5)
    assert layout("x = ", name, "") == [f"x = {name}"]
    assert layout("", f"x[{name}]", "") == [f"x[{name}]"]


def test_operators_begin_lines_and_commas_end_them():
    assert layout("total = ", " + ".join(TERMS[:6]), "")[:3] == [
        "total = (",
        f"    {TERMS[0]}",
        f"    + {TERMS[1]}",
    ]
    lines = layout("", f"call({', '.join('argument_number_' + str(n) for n in range(9))})", "")
    assert lines[0] == "call("
    assert lines[1] == "    argument_number_0,"
    assert lines[-1] == ")"
