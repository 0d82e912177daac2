"""Data to learn from, ready as NumPy arrays.

This package needs nothing of the compiler, and ``import staticbp`` does not read any data: whoever wants it
writes ``from staticbp import datasets``.
"""

from staticbp.datasets.mnist import Mnist, mnist

__all__ = ["Mnist", "mnist"]
