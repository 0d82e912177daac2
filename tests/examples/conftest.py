"""What the tests of examples share."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="session")
def load_example():
    """A function from the name of an example to its module."""

    def load(name):
        spec = importlib.util.spec_from_file_location(f"{name}_example", ROOT / "examples" / f"{name}.py")
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def run_example():
    """A function that runs an example as a newcomer does, and returns the finished process."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}

    def run(name, *arguments):
        command = [sys.executable, str(ROOT / "examples" / f"{name}.py"), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)

    return run


@pytest.fixture
def assert_png(tmp_path):
    """A function that checks that a plot is a picture of more than one colour."""
    image = pytest.importorskip("matplotlib.image")

    def check(path):
        assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
        pixels = image.imread(path)
        assert pixels.shape[0] > 200
        assert pixels.shape[1] > 200
        assert pixels[..., :3].std() > 0.05

    return check
