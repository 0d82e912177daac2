"""The command `staticbp`."""

import os
import stat
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import staticbp as bp
from staticbp.commands import doctor
from staticbp.commands.main import main
from staticbp.inspection.machine import Peaks
from staticbp.runtime import store, team


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    monkeypatch.setenv("STATICBP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("STATICBP_CACHE_SIZE", raising=False)
    return store.default()


def lines(capsys):
    return capsys.readouterr().out.splitlines()


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.py"
    path.write_text(
        textwrap.dedent("""
        import numpy as np

        X = np.linspace(0, 1, 6).reshape(3, 2)

        def loss(w, y):
            r = X @ w - y
            return r @ r
        """)
    )
    return path


# ---- cache ------------------------------------------------------------------------------------------------------


def test_the_cache_from_full_to_empty(shelf, capsys):
    # What was compiled before in this process is not stored again.
    bp.grad(lambda x: x * 3.14159265 + np.cos(x * 2.7182))(1.0)
    assert len(shelf.files()) == 1
    assert main(["cache", "list"]) == 0
    assert "function_grad" in lines(capsys)[-1]
    assert main(["cache", "size"]) == 0
    assert f"{shelf.directory}: 1 modules" in lines(capsys)[0]
    assert main(["cache", "verify"]) == 0
    assert lines(capsys) == ["1 of 1 modules are whole"]
    assert main(["cache", "clear"]) == 0
    assert lines(capsys)[0].startswith("removed 1 of 1 modules")
    assert main(["cache", "list"]) == 0
    assert lines(capsys) == [f"{shelf.directory} is empty"]


def test_damaged_files_are_found_and_removed(shelf, capsys):
    shelf.save("ab" * 32, b"whole")
    shelf.save("cd" * 32, b"soon damaged")
    path = shelf.path("cd" * 32)
    path.write_bytes(path.read_bytes()[:-1])
    assert main(["cache", "verify"]) == 1
    assert lines(capsys) == ["damaged and removed: cdcdcdcdcdcd", "1 of 2 modules are whole"]
    assert main(["cache", "verify"]) == 0


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="access rights are POSIX's")
def test_a_cache_that_is_not_used_says_why(shelf, capsys):
    shelf.save("ab" * 32, b"whole")
    shelf.directory.chmod(stat.S_IRWXU | stat.S_IWOTH)
    assert main(["cache", "size"]) == 1
    assert lines(capsys)[1] == "It is not used: is writable by others (chmod go-w)."


# ---- inspect ----------------------------------------------------------------------------------------------------


def test_inspecting_a_function_in_a_file(model, capsys):
    assert main(["inspect", f"{model}:loss", "--args", "np.ones(2), np.ones(3)", "--show", "source", "cost"]) == 0
    text = capsys.readouterr().out
    assert "def loss_grad(w, " in text
    assert "model.py:7  r = X @ w - y" in text
    assert "flop" in text


@pytest.mark.parametrize("what", ["value", "grad", "value_and_grad", "vjp", "jvp"])
def test_each_transform(model, capsys, what):
    arguments = [
        "inspect",
        f"{model}:loss",
        "--args",
        "np.ones(2), np.ones(3)",
        "--of",
        what,
        "--show",
        "graph",
        "stages",
    ]
    assert main(arguments) == 0
    assert "graph loss" in capsys.readouterr().out


def test_pages_and_pictures(model, tmp_path, capsys, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    page, picture = tmp_path / "page.html", tmp_path / "net.svg"
    arguments = ["--html", str(page), "--open", "--draw", str(picture)]
    assert main(["inspect", f"{model}:loss", "--args", "np.ones(2), np.ones(3)", *arguments]) == 0
    assert lines(capsys) == [f"drawn: {picture}", f"written: {page}"]
    assert opened == [page.resolve().as_uri()]
    assert "loss_grad" in page.read_text()
    assert "<svg" in picture.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.py:f"], "nowhere.py:f: there is no such file"),
        (["{model}"], "there is no such file"),
        (["{model}:lost"], "has no function 'lost'\n  It has loss."),
        (["{model}:loss", "--args", "np.ones("], "SyntaxError"),
        (["{model}:loss", "--args", "np.ones(5), np.ones(3)"], "ShapeError"),
    ],
)
def test_what_cannot_be_inspected(model, capsys, arguments, message):
    assert main(["inspect", *(text.format(model=model) for text in arguments)]) == 1
    assert message in capsys.readouterr().err


# ---- bench ------------------------------------------------------------------------------------------------------


def test_timing_a_function_beside_numpy(model, capsys):
    arguments = ["--args", "np.ones(2), np.ones(3)", "--seconds", "0.01"]
    assert main(["bench", f"{model}:loss", *arguments]) == 0
    head, _, numpy, compiled, gradient = lines(capsys)
    assert head.split() == ["a", "call", "of", "NumPy"]
    assert numpy.split()[0] == "NumPy"
    assert numpy.split()[-1] == "1.00"
    assert compiled.startswith("compiled ")
    assert gradient.startswith("gradient ")


def test_a_function_without_a_gradient(tmp_path, capsys):
    file = tmp_path / "own.py"
    file.write_text("import numpy as np\ndef norms(X):\n    return np.sum(X * X, axis=1)\n")
    assert main(["bench", f"{file}:norms", "--args", "np.ones((3, 2))", "--seconds", "0.01"]) == 0
    assert [line.split()[0] for line in lines(capsys)[2:]] == ["NumPy", "compiled"]


def test_a_profile_of_the_gradient(model, capsys, monkeypatch):
    peaks = Peaks("a processor", 1, {"float64": 1e11}, {"float64": 1e9}, {1 << 30: 1e10})
    monkeypatch.setattr("staticbp.api.profiling.peaks", lambda: peaks)
    arguments = ["--args", "np.ones(2), np.ones(3)", "--seconds", "0.01", "--profile"]
    assert main(["bench", f"{model}:loss", *arguments]) == 0
    assert "dispatch" in capsys.readouterr().out


def test_measuring_the_machine(capsys, monkeypatch):
    peaks = Peaks("a processor", 2, {"float64": 1e11}, {"float64": 1e9}, {1 << 30: 1e10})
    monkeypatch.setattr("staticbp.commands.benchmarks.measured_anew", lambda: peaks)
    assert main(["bench", "--machine"]) == 0
    assert lines(capsys)[0].startswith("a processor, 2 threads: 100 Gflop/s float64")


def test_the_projects_own_benchmarks(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["bench"]) == 1
    assert "run this in a checkout of staticbp" in capsys.readouterr().err
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "__init__.py").touch()
    (tmp_path / "bench" / "__main__.py").write_text("raise SystemExit(3)")
    assert main(["bench"]) == 3


def test_it_is_a_command_of_its_own():
    done = subprocess.run([sys.executable, "-m", "staticbp", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"staticbp {bp.__version__}\n"


# ---- doctor -----------------------------------------------------------------------------------------------------


@pytest.fixture
def plain(shelf, monkeypatch):
    for name in (*doctor.PINS, "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "OMP_NUM_THREADS", "STATICBP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)


def by_topic():
    return {finding.topic: finding for finding in doctor.findings()}


@pytest.mark.usefixtures("plain")
def test_a_healthy_machine(capsys):
    found = by_topic()
    assert {"versions", "compiler", "processor", "vector maths", "BLAS", "threads", "cache"} == set(found)
    assert f"numpy {np.__version__}" in found["versions"].text
    assert found["vector maths"].text.startswith("own kernels")
    assert found["threads"].advice is None
    assert main(["doctor"]) == int(any(finding.advice for finding in found.values()))
    assert all(line.startswith(("ok", "!!", "    ")) for line in lines(capsys))


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(("ratio", "advice"), [(1.9, "unset OPENBLAS_CORETYPE"), (1.01, None)])
def test_pinned_kernels_and_what_they_cost(monkeypatch, ratio, advice):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setattr(doctor, "_timed", lambda environment: ratio if "OPENBLAS_CORETYPE" in environment else 1.0)
    finding = by_topic()["BLAS kernels"]
    assert f"OPENBLAS_CORETYPE=Haswell: a product of 512 x 512 float32 takes {ratio:.2f} times as long" in finding.text
    assert finding.advice == advice


def test_kernels_are_timed_in_the_environment_given():
    assert 0 < doctor._timed(dict(os.environ)) < 10


@pytest.mark.usefixtures("plain")
def test_limits_that_were_set(monkeypatch):
    monkeypatch.setattr(team, "available_cores", lambda: 4)
    monkeypatch.setenv("STATICBP_NUM_THREADS", "1")
    assert by_topic()["threads"].advice == "unset STATICBP_NUM_THREADS to use all cores"


@pytest.mark.usefixtures("plain")
def test_a_cache_that_needs_care(monkeypatch, shelf):
    shelf.save("ab" * 32, b"x")
    shelf.path("ab" * 32).write_bytes(b"junk")
    assert "1 damaged, removed" in by_topic()["cache"].text
    monkeypatch.setenv("STATICBP_CACHE_SIZE", "0")
    assert "STATICBP_CACHE_SIZE is 0" in by_topic()["cache"].text
