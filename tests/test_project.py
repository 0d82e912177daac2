"""The project's own rules: format, lint, types, layers, and what else a reader may rely on.

They are part of ``python -m pytest``, so that one command says whether a change is fit to be seen.
"""

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import staticbp

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SOURCES = sorted((ROOT / "staticbp").rglob("*.py"))
INSTALL_TOOLS = "python -m pip install -e '.[test]'"


def run_tool(module: str, *arguments: str, start: tuple[str, str] | None = None) -> None:
    """Run a tool on the checkout; fail with what it says."""
    __tracebackhide__ = True
    if importlib.util.find_spec(module) is None:
        pytest.fail(f"{module} is not installed; install the test tools with\n    {INSTALL_TOOLS}", pytrace=False)
    process = subprocess.run(
        [sys.executable, *(start or ("-m", module)), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode != 0:
        pytest.fail(f"{module} is not content:\n{process.stdout}{process.stderr}", pytrace=False)


def test_ruff_finds_nothing():
    run_tool("ruff", "check", "--no-cache", ".")


def test_ruff_would_not_reformat():
    run_tool("ruff", "format", "--no-cache", "--check", "--diff", ".")


def test_types_are_right():
    run_tool("mypy")


def test_layers_are_kept():
    # import-linter has a console script but no `python -m`.
    script = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    run_tool("importlinter", "--no-cache", "--no-logo", start=("-c", script))


def test_version_is_stated_once():
    stated = (ROOT / "staticbp" / "version.py").read_text(encoding="utf-8")
    assert f'__version__ = "{staticbp.__version__}"' in stated
    assert PYPROJECT["project"]["dynamic"] == ["version"]
    assert re.search(rf"^## {re.escape(staticbp.__version__)}\b", read("CHANGELOG.md"), re.MULTILINE)


def test_every_dependency_says_what_it_is_for():
    text = read("pyproject.toml")
    dependencies = text[text.index("dependencies = [") : text.index("]\n", text.index("dependencies = ["))]
    entries = [line for line in dependencies.splitlines() if line.strip().startswith('"')]
    assert len(entries) == len(PYPROJECT["project"]["dependencies"])
    assert all("  # " in entry for entry in entries), entries


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_file_fits_in_a_head(path):
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= 450, f"{lines} lines: what two things does it do?"


def test_readme_and_ci_run_the_same_tests():
    commands = [line for line in read("README.md").splitlines() if line.endswith("-m pytest")]
    assert len(commands) == 1, "the README gives one command that tests everything"
    assert "README.md" in read(".ci/run"), ".ci/run takes the command from the README"


def test_readme_commands_name_extras_that_exist():
    extras = set(PYPROJECT["project"]["optional-dependencies"])
    named = set(re.findall(r"'\.\[(\w+)\]'", read("README.md")))
    assert {"test", "examples"} <= named <= extras


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")
