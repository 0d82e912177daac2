"""Programs of the kinds that are written with HIPS autograd.

Each file is a program for autograd as its users write it; ``main(steps)`` runs some steps of it and returns what it has
found. `switched` runs the same text for staticbp: nothing but the lines of imports is changed.
"""

import re
from pathlib import Path
from types import ModuleType

PLACE = Path(__file__).parent
NAMES = sorted(path.stem for path in PLACE.glob("*.py") if not path.stem.startswith("_"))

IMPORTS = (  # what whoever comes from autograd does to the head of a file
    (r"import autograd\.numpy as np", "from staticbp import numpy as np"),
    (r"from autograd import", "from staticbp import"),
    (r"from autograd\.builtins import", "from builtins import"),
    (r"from autograd\.scipy", "from staticbp.scipy"),
    (r"import autograd\.scipy\.stats\.(\w+) as (\w+)", r"from staticbp.scipy.stats import \1 as \2"),
)


def source(name: str) -> str:
    """The text of a program, for autograd."""
    return (PLACE / f"{name}.py").read_text(encoding="utf-8")


def for_staticbp(text: str) -> str:
    """The text of a program with its lines of imports changed."""
    for old, new in IMPORTS:
        text = re.sub(f"^{old}", new, text, flags=re.MULTILINE)
    return text


def run(name: str, text: str) -> ModuleType:
    """A program as a module of its own."""
    module = ModuleType(name)
    module.__file__ = str(PLACE / f"{name}.py")
    exec(compile(text, module.__file__, "exec"), module.__dict__)
    return module
