"""`inspect`: its parts, as text, in colours and in notebooks; the machine code of a line; the store."""

import io

import numpy as np
import pytest

import staticbp as bp
from staticbp.errors import ArgumentError
from staticbp.inspection import assembly, rich
from staticbp.inspection.text import PARTS
from staticbp.runtime.load import JIT

X, Y, W = np.ones((200, 300)), np.ones(200), np.ones(300)
compiled_only = pytest.mark.skipif(not JIT, reason="nothing is compiled")


@bp.differentiable
def misfit(w, X, y):
    r = X @ w - y
    return np.sum(np.log1p(r * r))


@pytest.fixture(scope="module")
def inspection():
    return misfit.grad.inspect(W, X, Y)


# ---- modes and parts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "title"),
    [
        ("value", '"""misfit(w, X, y).'),
        ("grad", '"""Gradient of misfit'),
        ("value_and_grad", '"""Value and gradient of'),
        ("vjp", '"""Forward pass of'),
        ("jvp", '"""Value and tangent of'),
    ],
)
def test_modes_of_decorated_and_plain_functions(mode, title):
    for function in (misfit, misfit.__wrapped__):
        assert bp.inspect(function, W, X, Y, mode=mode).source.startswith(title)


def test_modes_go_by_the_arguments_of_the_decorator():
    both = bp.differentiable(lambda x, y: x * y, argnums=(0, 1))
    assert "with respect to x and y" in bp.inspect(both, 1.0, 2.0, mode="jvp").source


def test_a_mode_or_part_that_is_none(inspection):
    with pytest.raises(ArgumentError, match="no mode 'hessian'"):
        bp.inspect(misfit, W, X, Y, mode="hessian")
    with pytest.raises(ArgumentError, match="no part 'soruce'"):
        inspection.show("soruce")


@pytest.mark.parametrize("name", [part for part in PARTS if part not in ("llvm", "asm")])
def test_every_part_is_a_text(inspection, name):
    assert inspection.part(name).strip()


def test_parts_are_shown_one_after_the_other(inspection):
    stream = io.StringIO()
    inspection.show("signature", "source", file=stream)
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("---- signature ----")
    assert lines[1] == "misfit_grad(w: f64[300], X: f64[200,300], y: f64[200]) -> f64[300]"
    assert any(line.startswith("---- source") for line in lines)


def test_the_signature_as_data(inspection):
    signature = inspection.signature
    assert [str(aval) for aval in signature.arguments.values()] == ["f64[300]", "f64[200,300]", "f64[200]"]
    assert [*signature.arguments] == ["w", "X", "y"]
    assert [str(aval) for aval in signature.results] == ["f64[300]"]


# ---- stages -----------------------------------------------------------------------------------------------------


def test_what_a_stage_changed(inspection):
    stages = inspection.stages
    assert next(iter(stages)) == "trace"
    changed = stages.diff("dce")
    assert "-  log1p: f64[200] = log1p mul" in changed.splitlines()
    assert not any(line.startswith("+ ") for line in changed.splitlines())
    assert len(list(stages.diffs())) < len(stages)
    assert str(stages).startswith("-- trace\ngraph misfit_grad")
    with pytest.raises(ArgumentError, match=r"no stage 'fuse'[^$]*test_text\.py:\d+[^$]*There are trace,"):
        stages.diff("fuse")


# ---- colours ----------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_colours_on_a_terminal_only(inspection, monkeypatch):
    pytest.importorskip("pygments")
    monkeypatch.delenv("NO_COLOR", raising=False)
    plain, terminal = io.StringIO(), Terminal()
    inspection.source.show(plain)
    inspection.source.show(terminal)
    assert "\x1b[" not in plain.getvalue()
    assert "\x1b[" in terminal.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    uncoloured = Terminal()
    inspection.source.show(uncoloured)
    assert uncoloured.getvalue() == plain.getvalue()


def test_colours_where_pygments_is_missing(inspection, monkeypatch):
    monkeypatch.setattr(rich, "_pygments", lambda: None)
    assert inspection.source.in_colours() == inspection.source
    assert inspection.source._repr_html_().startswith("<pre")


def test_in_a_notebook(inspection):
    html = inspection._repr_html_()
    assert html.count("<details") == 7
    assert "misfit_grad" in html
    assert "<script" not in html
    assert "r &lt; 0" in rich.Text("r < 0")._repr_html_()
    assert "+++ " in inspection.stages._repr_html_()


# ---- machine code by line ---------------------------------------------------------------------------------------


@compiled_only
def test_the_machine_code_of_a_line(inspection):
    line = misfit.__wrapped__.__code__.co_firstlineno + 3
    of_line = inspection.asm_of(line)
    assert of_line.lines
    assert any("r_bar[i] = " in text for text in of_line.generated)
    assert of_line.vectors is not None
    assert of_line.vectors.dtype == "float64"
    assert of_line.vectors.bits == 64 * of_line.vectors.count
    assert f"{of_line.vectors.count} float64 at a time" in str(of_line)
    by_text = inspection.asm_of("np.log1p(r * r)")
    assert by_text.lines == of_line.lines


@compiled_only
def test_the_machine_code_of_a_loop_and_of_a_call(inspection):
    loop = inspection.asm_of("for i in range(200)")
    assert any("r_bar[i] = " in text for text in loop.generated)
    product = inspection.asm_of("r = X @ w - y")
    assert any("gemv" in name for name in product.calls)


@compiled_only
def test_the_machine_code_of_a_loop_that_threads_share():
    loop = bp.inspect(lambda x: 2 * np.exp(x), np.ones(100_000)).asm_of("threads.range")
    assert loop.vectors is not None


@compiled_only
def test_lines_that_nothing_comes_from(inspection):
    with pytest.raises(
        ArgumentError, match=r"no code comes from 7777\n  at .*\n  Ask for one of these lines.*r = X @ w - y"
    ):
        inspection.asm_of(7777)


def test_assembly_of_both_processors():
    x86 = ["\tvmovupd (%rax), %ymm0", "\tvfmadd213ps %zmm1, %zmm2, %zmm3", "\tvxorpd %xmm1, %xmm1, %xmm1"]
    assert str(assembly.vectors_in(x86)) == "16 float32 at a time, in registers of 512 bits"
    arm = ["\tmov v0.16b, v1.16b", "\tfmul v0.2d, v1.2d, v2.2d"]
    assert str(assembly.vectors_in(arm)) == "2 float64 at a time, in registers of 128 bits"
    assert assembly.vectors_in(["\tvmovupd (%rax), %ymm0", "\tvmulsd %xmm0, %xmm0, %xmm1"]) is None


# ---- the store --------------------------------------------------------------------------------------------------


@compiled_only
def test_a_module_is_stored_and_found(tmp_path, monkeypatch):
    monkeypatch.setenv("STATICBP_CACHE_DIR", str(tmp_path / "cache"))
    cubed = bp.compile(lambda x: x * x * x - 0.12345)
    before = cubed.inspect(2.0).cache
    assert not before.hit
    assert "has not been stored" in before.reason
    cubed(2.0)
    after = cubed.inspect(2.0).cache
    assert after.hit
    assert after.key == before.key
    assert after.path == tmp_path / "cache" / f"{after.key}.code"
    assert after.size == after.path.stat().st_size
    assert str(after).startswith("hit: ")


@compiled_only
def test_why_nothing_is_stored(tmp_path, monkeypatch):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    monkeypatch.setenv("STATICBP_CACHE_DIR", str(tmp_path / "open"))
    assert "writable by others" in bp.inspect(misfit, W, X, Y).cache.reason
    monkeypatch.setenv("STATICBP_CACHE_SIZE", "0")
    found = bp.inspect(misfit, W, X, Y).cache
    assert (found.hit, found.path) == (False, None)
    assert "STATICBP_CACHE_SIZE is 0" in found.reason
