"""What users call: thin, documented, each file one idea."""

from typing import TYPE_CHECKING

from staticbp.core.on_demand import on_demand

if TYPE_CHECKING:
    from staticbp.api import flow as flow
    from staticbp.api import standalone as standalone
    from staticbp.api import tree as tree

__getattr__ = on_demand(__name__, {}, modules=("flow", "standalone", "tree"))
