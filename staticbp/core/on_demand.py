"""Names of a package whose modules are imported when they are first asked for.

A process that takes one gradient needs a third of staticbp; to import the rest would take it longer than that gradient.
So a package says where its names are, and Python asks it for those that it does not have yet (PEP 562)::

    __getattr__ = on_demand(__name__, {"flow": ("in_control",)}, modules=("text",))

For type checkers it imports them where ``TYPE_CHECKING`` is true.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from staticbp.core.collector import WAITING, settle


def on_demand(package: str, names: Mapping[str, Sequence[str]], modules: Sequence[str] = ()) -> Callable[[str], Any]:
    """What a package calls ``__getattr__``.

    Parameters
    ----------
    package : str
        Its name.
    names : mapping of str to sequence of str
        For modules below it, by their names from there, what of theirs the package has too.
    modules : sequence of str
        The modules below it that it has themselves.

    Examples
    --------
    >>> find = on_demand("staticbp", {"core.shape": ("Extent",)}, modules=("errors",))
    >>> find("errors").__name__, find("Extent").__module__
    ('staticbp.errors', 'staticbp.core.shape')
    >>> find("nobody")
    Traceback (most recent call last):
    AttributeError: module 'staticbp' has no attribute 'nobody'
    """
    homes = {name: module for module, own in names.items() for name in own}

    def find(name: str) -> Any:
        """The module or the value of this name, which the package has from now on."""
        if name not in homes and name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        with WAITING:
            found: Any = importlib.import_module(f"{package}.{homes.get(name, name)}")
            settle()
        if name in homes:
            found = getattr(found, name)
        setattr(sys.modules[package], name, found)
        return found

    return find
