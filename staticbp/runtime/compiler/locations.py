"""Lines of generated text in machine code, as a debugger knows them. Imported only to compile.

Code that is looked at is compiled once more with them; what is stored and called has none.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

LANGUAGE = "DW_LANG_Python"


class Locations:
    """Gives the instructions of a module's functions their lines.

    Parameters
    ----------
    module : llvmlite.ir.Module
        The module; its functions may be made later.
    filename : str
        What the text is called.
    """

    def __init__(self, module: Any, filename: str) -> None:
        self._module = module
        self._file = module.add_debug_info("DIFile", {"filename": filename, "directory": ""})
        self._unit = module.add_debug_info(
            "DICompileUnit",
            {
                "language": ir.DIToken(LANGUAGE),
                "file": self._file,
                "producer": "staticbp",
                "runtimeVersion": 0,
                "isOptimized": True,
                "emissionKind": ir.DIToken("LineTablesOnly"),
            },
            is_distinct=True,
        )
        self._type = module.add_debug_info("DISubroutineType", {"types": module.add_metadata([None])})
        self._scopes: dict[str, Any] = {}
        self._places: dict[tuple[str, int], Any] = {}
        module.add_named_metadata("llvm.dbg.cu", self._unit)
        for name, value in (("Debug Info Version", 3), ("Dwarf Version", 4)):
            flag = [ir.IntType(32)(2), name, ir.IntType(32)(value)]
            module.add_named_metadata("llvm.module.flags", module.add_metadata(flag))

    def mark(self, builder: Any, line: int) -> None:
        """Let the instructions that a builder writes from now on belong to a line."""
        key = (builder.function.name, line)
        if key not in self._places:
            scope = self._scope(builder.function, line)
            place = {"line": line, "column": 1, "scope": scope}
            self._places[key] = self._module.add_debug_info("DILocation", place)
        builder.debug_metadata = self._places[key]

    def _scope(self, function: Any, line: int) -> Any:
        if function.name not in self._scopes:
            facts = {"name": function.name, "file": self._file, "line": line, "type": self._type, "unit": self._unit}
            flags = {"isLocal": False, "isDefinition": True, "scopeLine": line, "isOptimized": True}
            self._scopes[function.name] = self._module.add_debug_info("DISubprogram", facts | flags, is_distinct=True)
            function.set_metadata("dbg", self._scopes[function.name])
        return self._scopes[function.name]
