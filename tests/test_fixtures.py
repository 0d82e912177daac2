"""The fixtures that the other tests rely on: golden files and processes of their own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


@pytest.fixture
def run_golden(tmp_path):
    """Run, in a project of its own, a test that says that poem.txt holds a text."""
    tests = tmp_path / "tests"
    tests.mkdir()
    shutil.copy(HERE / "conftest.py", tests)

    def run(text, *options):
        (tests / "test_poem.py").write_text(f"def test_poem(golden):\n    golden('poem.txt', {text!r})\n")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, "tests"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


def test_golden_files_are_written_only_when_asked_for(run_golden, tmp_path):
    path = tmp_path / "tests" / "golden" / "poem.txt"

    missing = run_golden("roses\nred")
    assert missing.returncode == 1
    assert "tests/golden/poem.txt does not exist" in missing.stdout
    assert not path.exists()

    assert run_golden("roses\nred", "--update-golden").returncode == 0
    assert path.read_text() == "roses\nred\n"
    assert run_golden("roses\nred").returncode == 0

    different = run_golden("roses\nblue")
    assert different.returncode == 1
    assert "-red\n+blue\n" in different.stdout
    assert path.read_text() == "roses\nred\n"


def test_a_process_of_its_own(run_python):
    code = """
        import os, staticbp
        print(staticbp.__version__, os.environ["NEW"], os.environ.get("STATICBP_DATA_DIR"))
    """
    process = run_python(code, {"NEW": "yes", "STATICBP_DATA_DIR": None})
    assert process.stdout.split()[1:] == ["yes", "None"]
    assert run_python("raise SystemExit(3)", check=False).returncode == 3
    with pytest.raises(pytest.fail.Exception, match="ZeroDivisionError"):
        run_python("1 / 0")


def test_the_users_own_directories_are_left_alone():
    for name in ("STATICBP_CACHE_DIR", "STATICBP_DATA_DIR"):
        assert "staticbp-tests-" in os.environ[name]
