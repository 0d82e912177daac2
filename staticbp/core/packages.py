"""Packages that only some of staticbp needs."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

from staticbp.errors import MissingPackageError


def optional(name: str, purpose: str, extra: str) -> ModuleType:
    """A module of a package that `purpose` needs and the extra `extra` brings.

    Raises
    ------
    MissingPackageError
        When it is not installed.

    Examples
    --------
    >>> optional("nobody_has_this.part", "dreams", "all")
    Traceback (most recent call last):
    staticbp.errors.MissingPackageError: dreams need the package nobody_has_this
      Write: pip install 'staticbp[all]'
    """
    package = name.partition(".")[0]
    try:
        if importlib.util.find_spec(package) is not None:
            return importlib.import_module(name)
    except ImportError:  # half of it is there
        pass
    raise MissingPackageError(f"{purpose} need the package {package}", advice=f"Write: pip install 'staticbp[{extra}]'")
