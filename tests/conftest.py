"""Fixtures that any test may ask for: ``golden`` files and ``run_python`` for a process of its own."""

import difflib
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite the files of tests/golden that a test compares its text with, then read the diff",
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """``golden("name.txt", text)``: the text is what tests/golden/name.txt holds, to the letter."""
    update = request.config.getoption("--update-golden")

    def compare(name: str, text: str) -> None:
        __tracebackhide__ = True
        path = GOLDEN / name
        text = text.rstrip("\n") + "\n"
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            return
        if not path.exists():
            pytest.fail(
                f"tests/golden/{name} does not exist; read the text below and, if it is right, "
                f"write it with `python -m pytest --update-golden`\n\n{text}",
                pytrace=False,
            )
        expected = path.read_text(encoding="utf-8")
        if text != expected:
            diff = difflib.unified_diff(
                expected.splitlines(keepends=True),
                text.splitlines(keepends=True),
                fromfile=f"tests/golden/{name}",
                tofile="what the test made",
            )
            pytest.fail(
                f"tests/golden/{name} differs; if the new text is right, "
                f"`python -m pytest --update-golden` writes it\n\n{''.join(diff)}",
                pytrace=False,
            )

    return compare


@pytest.fixture
def run_python() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """``run_python(code, env)``: run code in a fresh interpreter that finds this checkout.

    ``env`` is laid over the environment of the tests; a value of None takes the variable away. A failing
    process fails the test, with what it printed, unless ``check=False``.
    """

    def run(
        code: str,
        env: Mapping[str, str | None] | None = None,
        *,
        check: bool = True,
        timeout: float = 300.0,
        cwd: str | Path | None = None,
    ) -> "subprocess.CompletedProcess[str]":
        __tracebackhide__ = True
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        wanted = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in paths if p), **(env or {})}
        process = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            env={name: value for name, value in wanted.items() if value is not None},
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=cwd,
            check=False,
        )
        if check and process.returncode != 0:
            pytest.fail(
                f"the process ended with status {process.returncode}\n"
                f"---- stdout ----\n{process.stdout}\n---- stderr ----\n{process.stderr}",
                pytrace=False,
            )
        return process

    return run
