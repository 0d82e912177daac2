"""``python -m staticbp``: the command `staticbp`."""

from __future__ import annotations

import sys

from staticbp.commands.main import main

if __name__ == "__main__":
    sys.exit(main())
