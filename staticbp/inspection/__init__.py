"""Looking inside: what a call is compiled to."""

from typing import TYPE_CHECKING

from staticbp.core.on_demand import on_demand

if TYPE_CHECKING:
    from staticbp.inspection import text as text

__getattr__ = on_demand(__name__, {}, modules=("text",))
