"""Sites: the user's line and names, found from the stack as an operation is executed."""

import functools
import linecache
import sys
import textwrap
import threading

import numpy as np
import pytest

from staticbp.core.graph import SrcLine
from staticbp.trace import names
from staticbp.trace.names import Site, defined_at, here
from staticbp.trace.origin import LIBRARY_FILES

# A value that says where each operation on it happened. Its own frames have to look like staticbp's.
RECORDER = '''
class Recorder:
    """Operations and calls on it are written to a log as (operation, site)."""
    def __init__(self, log):
        self.log = log
    def _record(self, what):
        self.log.append((what, here()))
        return Recorder(self.log)
    def __add__(self, other): return self._record("add")
    __radd__ = __add__
    def __mul__(self, other): return self._record("mul")
    __rmul__ = __mul__
    def __sub__(self, other): return self._record("sub")
    def __matmul__(self, other): return self._record("matmul")
    def __neg__(self): return self._record("neg")
    def __lt__(self, other): return self._record("less")
    def __getitem__(self, index): return self._record("getitem")
    def sum(self, axis=None): return self._record("sum")
    def reshape(self, *shape): return self._record("reshape")
    @property
    def T(self): return self._record("transpose")
    def __iter__(self):
        return iter([Recorder(self.log), Recorder(self.log)])
    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return self._record(ufunc.__name__)
    def __array_function__(self, func, types, args, kwargs):
        out = self._record(func.__name__)
        return [out, out] if func.__name__ == "split" else out
'''
namespace = {"here": here}
exec(compile(RECORDER, "<staticbp recorder>", "exec"), namespace)
Recorder = namespace["Recorder"]


def sites(function, *more):
    """The sites of the operations that a function does on its argument, by operation."""
    log = []
    function(Recorder(log), *more)
    return dict(log)


def called(function, *more):
    """What each operation is called: its name, or its target in brackets for an inner value."""
    return {
        what: "|".join(map(str, site.names)) or (f"({site.target})" if site.target else None)
        for what, site in sites(function, *more).items()
    }


class Box:
    y = 0.0


def test_root_of_an_assignment_has_its_name_and_inner_values_its_target():
    def f(x):
        h = np.tanh(x @ x)
        return h

    assert called(f) == {"tanh": "h", "matmul": "(h)"}
    site = sites(f)["tanh"]
    assert (site.name, site.target, site.function) == ("h", "h", "f")
    assert site.src.text == "h = np.tanh(x @ x)"
    assert site.src.file == "test_names.py"
    assert site.src.line == f.__code__.co_firstlineno + 1


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("a = x * x", {"mul": "a"}),
        ("a = b = x * x", {"mul": "a"}),
        ("a: object = -x", {"neg": "a"}),
        ("x += 1", {"add": "x"}),
        ("x += x * 2", {"add": "x", "mul": "(x)"}),
        ("a, b = x + 1, np.sin(x * x)", {"add": "a", "sin": "b", "mul": "(b)"}),
        ("a, (b, c) = -x, (x + 1, x * 1)", {"neg": "a", "add": "b", "mul": "c"}),
        ("a, b = np.split(x * 2, 2)", {"split": "a|b", "mul": "(a_b)"}),
        ("a, *b = x @ x, x * x, x + x", {"matmul": "(a_b)", "mul": "(a_b)", "add": "(a_b)"}),
        ("a, _ = np.split(x, 2)", {"split": "a|None"}),
        ("_ = x + 1", {"add": None}),
        ("a = (x + 1, x * 1)", {"add": "(a)", "mul": "(a)"}),
        ("a = -x if flag else x + 1", {"neg": "a"}),
        ("a = (b := x + 1) * 2", {"add": "b", "mul": "a"}),
        ("a = np.sum(np.exp(x), axis=0)", {"sum": "a", "exp": "(a)"}),
        ("a = x.sum()", {"sum": "a"}),
        ("a = x.T", {"transpose": "a"}),
        ("a = x[0]", {"getitem": "a"}),
        ("a = x < 1", {"less": "a"}),
        ("box.z = x @ x", {"matmul": "z"}),
        ("box.y += x @ x", {"matmul": "(y)", "add": "y"}),
        ("table['w'] = x @ x", {"matmul": "w"}),
        ("table[3] = x @ x", {"matmul": "table"}),
        ("a = dict(w=x * 2, b=-x)", {"mul": "w", "neg": "b"}),
        ("a = {'w': x * 2, 'not a name': -x}", {"mul": "w", "neg": "(a)"}),
        ("a = [np.exp(v * 2) for v in x]", {"exp": "(a)", "mul": "(a)"}),
        ("a = sum(v * 2 for v in x)", {"mul": "(a)", "add": "a"}),
        ("a = functools.reduce(lambda u, v: u @ v, [x, x])", {"matmul": "a"}),
        ("x * 2", {"mul": None}),
        ("a = 1; b = x + 1; c = 2", {"add": "b"}),
        ("for v in x: a = v + 1", {"add": "a"}),
        ("if x < 1: a = x + 1", {"less": None, "add": "a"}),
        ("with pytest.raises(KeyError): a = x + 1; table[x]", {"add": "a"}),
        ("é = np.exp('é' and x * 2)", {"exp": "é", "mul": "(é)"}),
        ("a = (\n    x\n    .reshape(2, 3)\n    .sum()\n)", {"reshape": "(a)", "sum": "a"}),
        ("a = (\n    x\n    .T\n)", {"transpose": "a"}),
        ("a = (\n    x\n    + np.sin(\n        -x\n    )\n)", {"neg": "(a)", "sin": "(a)", "add": "a"}),
    ],
)
def test_what_a_statement_calls_its_values(statement, expected, tmp_path):
    path = tmp_path / "program.py"
    path.write_text("def f(x, flag, box, table):\n" + textwrap.indent(statement, "    ") + "\n", encoding="utf-8")
    scope = {"np": np, "functools": functools, "pytest": pytest}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), scope)
    assert called(scope["f"], True, Box(), {"w": 0}) == expected


def test_returned_values_are_called_what_the_caller_calls_them():
    def layer(x):
        return np.tanh(x @ x)

    def both(x):
        return -x, x * 2

    def through(x):
        return layer(x)

    def f(x):
        h = layer(x)
        return h

    def g(x):
        a, b = both(x)
        return a, b

    def inner(x):
        loss = layer(x) + 1
        return loss

    def chain(x):
        h = through(x)
        return h

    assert called(f) == {"tanh": "h", "matmul": "(h)"}
    assert sites(f)["tanh"].src.text == "return np.tanh(x @ x)"
    assert sites(f)["tanh"].function == "layer"
    assert called(g) == {"neg": "a", "mul": "b"}
    assert called(inner) == {"tanh": "(loss)", "matmul": "(loss)", "add": "loss"}
    assert called(chain) == {"tanh": "h", "matmul": "(h)"}


def test_a_lambda_is_named_by_its_caller():
    act = lambda x: np.tanh(x * 2)

    def f(x):
        h = act(x)
        return h

    assert called(f) == {"tanh": "h", "mul": "(h)"}


def test_a_function_that_staticbp_calls_has_no_name_for_its_result():
    scope = {}
    exec(compile("def call(f, x):\n    h = f(x)\n    return h\n", "<staticbp caller>", "exec"), scope)
    assert called(lambda x: scope["call"](lambda y: np.tanh(y @ y), x)) == {"tanh": None, "matmul": None}


def test_deep_recursion_costs_a_bounded_walk():
    def f(x, depth):
        return f(x, depth - 1) * 2 if depth else x

    log = []
    h = f(Recorder(log), 100)
    assert isinstance(h, Recorder)
    assert [site.names for _, site in log] == [()] * 99 + [("h",)]
    assert [site.target for _, site in log[-3:]] == ["h", "h", "h"]
    assert log[0][1].target is None


def test_methods_are_qualified_by_their_class():
    class Net:
        def loss(self, x):
            self.h = [np.tanh(v) for v in x]

    assert sites(Net().loss)["tanh"].function == "Net.loss"


def test_line_of_a_long_statement_is_that_of_the_operation():
    def f(x):
        return dict(
            weights=x * 2,
            biases=x + 1,
        )

    found = sites(f)
    assert found["mul"].src.text == "weights=x * 2,"
    assert found["add"].src.line == found["mul"].src.line + 1


def test_without_source_the_line_is_known():
    scope = {"np": np}
    exec(compile("\n\ndef f(x):\n    h = np.tanh(x)\n", "<generated>", "exec"), scope)
    site = sites(scope["f"])["tanh"]
    assert site == Site(SrcLine("<generated>", 4, ""), (), None, "f")


def test_cells_of_a_notebook():
    cell = "def f(x):\n    h = np.tanh(x @ x)\n    return h\n"
    name = "<ipython-input-7-0af3>"
    linecache.cache[name] = (len(cell), None, cell.splitlines(keepends=True), name)
    scope = {"np": np}
    exec(compile(cell, name, "exec"), scope)
    site = sites(scope["f"])["tanh"]
    del linecache.cache[name]
    assert (site.name, site.src) == ("h", SrcLine("<cell>", 2, "h = np.tanh(x @ x)"))


def test_equal_code_in_two_files_is_told_apart(tmp_path):
    source = "def f(x):\n    h = np.tanh(x)\n"
    found = []
    for name in ("one.py", "two.py"):
        path = tmp_path / name
        path.write_text(source)
        scope = {"np": np}
        exec(compile(source, str(path), "exec"), scope)
        found.append(sites(scope["f"])["tanh"].src.file)
    assert found == ["one.py", "two.py"]


def test_an_edited_and_reloaded_file_is_read_again(tmp_path):
    path = tmp_path / "program.py"
    for source in ("def f(x):\n    h = np.tanh(x)\n", "# edited\ndef f(x):\n    longer = np.tanh(x)\n"):
        path.write_text(source)
        scope = {"np": np}
        exec(compile(source, str(path), "exec"), scope)
        site = sites(scope["f"])["tanh"]
    assert (site.name, site.src.text) == ("longer", "longer = np.tanh(x)")


def test_a_file_that_does_not_parse_gives_lines_only(tmp_path):
    path = tmp_path / "program.py"
    path.write_text("def f(x):\n    h = np.tanh(x)\n%magic\n")
    scope = {"np": np}
    exec(compile("def f(x):\n    h = np.tanh(x)\n", str(path), "exec"), scope)
    site = sites(scope["f"])["tanh"]
    assert (site.names, site.src.text) == ((), "h = np.tanh(x)")


def test_warnings_about_the_users_text_are_not_shown_twice(tmp_path, recwarn):
    path = tmp_path / "program.py"
    path.write_text("s = '\\d'\ndef f(x):\n    h = np.tanh(x)\n")
    scope = {"np": np}
    with pytest.warns((DeprecationWarning, SyntaxWarning)):
        exec(compile(path.read_text(), str(path), "exec"), scope)
    before = len(recwarn)
    assert sites(scope["f"])["tanh"].name == "h"
    assert len(recwarn) == before


def test_without_positions_the_line_still_gives_a_target(run_python):
    process = run_python(
        """
        import os, tempfile
        from staticbp.trace.names import here
        path = os.path.join(tempfile.mkdtemp(), "program.py")
        with open(path, "w") as file:
            file.write("def f():\\n    if True:\\n        h = here()\\n    return h\\n")
        scope = {"here": here}
        exec(compile(open(path).read(), path, "exec"), scope)
        site = scope["f"]()
        print(site.names, site.target, site.src)
        """,
        env={"PYTHONNODEBUGRANGES": "1"},
    )
    assert process.stdout == "() h program.py:3  h = here()\n"


def test_frames_of_numpy_and_the_standard_library_are_passed_over():
    def f(x):
        h = np.apply_along_axis(lambda row: row, 0, np.zeros((2, 2)))  # a NumPy function written in Python
        total = functools.partial(np.exp)(x)
        return h, total

    assert called(f) == {"exp": "total"}

    def g(_):
        return here()

    log = []
    y = np.apply_along_axis(lambda row: log.append(here()) or row, 0, np.zeros((2, 1)))
    assert y.shape == (2, 1)
    assert log[0].src.text.startswith("y = np.apply_along_axis(lambda row: log.append")


def test_outside_of_any_user_code_there_is_no_site(monkeypatch):
    # Nothing is on the stack of this thread but the standard library and, as we pretend, staticbp.
    monkeypatch.setitem(LIBRARY_FILES, __file__, True)
    found = []
    thread = threading.Thread(target=lambda: found.append(here()))
    thread.start()
    thread.join()
    assert found == [Site()]


def test_sites_are_found_once_per_instruction(monkeypatch):
    looked_up = []
    original = names._look_up
    monkeypatch.setattr(names, "_look_up", lambda *args: looked_up.append(args) or original(*args))

    def f(x):
        for _ in range(50):
            x = np.tanh(x @ x)
        return x

    log = []
    f(Recorder(log))
    assert len(log) == 100
    assert len(looked_up) == 2


def test_the_table_of_code_objects_is_bounded(monkeypatch):
    monkeypatch.setattr(names, "_MAX_CODES", 3)
    monkeypatch.setattr(names, "_codes", {})
    for _ in range(10):
        scope = {"np": np}
        exec(compile("def f(x):\n    h = np.tanh(x)\n", "<many>", "exec"), scope)
        assert sites(scope["f"])["tanh"].src.line == 2
    assert len(names._codes) <= 3


def test_where_a_function_is_defined():
    @functools.cache
    def decorated(x):
        return x

    class Net:
        def loss(self):
            pass

    line = sys._getframe().f_lineno
    assert defined_at(decorated).line == line - 7
    assert defined_at(decorated).text == "def decorated(x):"
    assert defined_at(Net().loss).text == "def loss(self):"
    assert str(defined_at(test_where_a_function_is_defined)).startswith("test_names.py:")
    assert defined_at(np.tanh) is None
