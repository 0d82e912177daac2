"""The environment of every test and docstring example: nothing of the user's is read or written.

This runs before NumPy, SciPy or staticbp are imported, which is when their libraries look at the environment.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

# The workers of pytest-xdist inherit the directory of the process that started them, and share its store.
IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
SESSION_DIR = None if IS_WORKER else Path(tempfile.mkdtemp(prefix="staticbp-tests-"))

if SESSION_DIR is not None:
    os.environ["STATICBP_CACHE_DIR"] = str(SESSION_DIR / "store")
    os.environ["STATICBP_DATA_DIR"] = str(SESSION_DIR / "data")

os.environ["MPLBACKEND"] = "Agg"  # plots are drawn to files

# An exported choice of BLAS kernels belongs to the machine that it was made on.
for pin in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(pin, None)


def pytest_unconfigure(config: pytest.Config) -> None:
    if SESSION_DIR is not None:
        shutil.rmtree(SESSION_DIR, ignore_errors=True)
