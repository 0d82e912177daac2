"""Whose code a file holds."""

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest

import staticbp
from staticbp.trace.origin import LIBRARY_FILES, short_file, site_package


@pytest.mark.parametrize(
    "filename",
    [
        contextlib.__file__,
        json.__file__,  # a package of the standard library
        np.__file__,
        np.linalg.__file__,
        staticbp.__file__,
        "<frozen importlib._bootstrap>",
        "<staticbp loss_grad 3f2a>",
    ],
)
def test_library_files(filename):
    assert LIBRARY_FILES[filename]


@pytest.mark.parametrize(
    "filename",
    [
        __file__,
        pytest.__file__,  # installed, but nothing that staticbp is made of
        str(Path(staticbp.__file__).parent.parent / "examples" / "mnist.py"),
        "<stdin>",
        "<string>",
        "<ipython-input-1-00>",
        "relative.py",
    ],
)
def test_the_users_files(filename):
    assert not LIBRARY_FILES[filename]


def test_packages_of_site_packages():
    assert site_package(__file__) is None
    assert Path(site_package(np.__file__)) == Path(np.__file__).parent
    assert site_package("C:\\Python\\Lib\\site-packages\\net.py") == "C:\\Python\\Lib\\site-packages\\net.py"


def test_short_names_are_the_same_in_every_session():
    assert short_file("C:\\me\\net.py") == "net.py"
    assert short_file("/scratch/ipykernel_99/123.py") == short_file("/scratch/ipykernel_7/55.py") == "<cell>"
    assert short_file("<doctest README.md[3]>") == "<doctest README.md[3]>"
