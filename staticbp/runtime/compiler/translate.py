"""Generated text straight to LLVM code, for the part of Python that the writer uses. Imported only to compile.

Numba takes a millisecond or two a statement to find out what generated text says plainly: each name has one type,
known where it is first assigned. So the syntax tree is walked once, and each operation written down as it is met.

What is not known here, because only Numba compiles it, raises `Unknown`; Numba compiles the whole module then.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import NumbaError

from staticbp.runtime.compiler.aliasing import places, spans
from staticbp.runtime.compiler.blocks import Blocks
from staticbp.runtime.compiler.entry import numba_type
from staticbp.runtime.compiler.expressions import (
    SIZE,
    Array,
    Extents,
    Known,
    argument,
    assembled,
    itemsize,
    parts_of,
    refuse,
)
from staticbp.runtime.compiler.interleave import FEWEST_STEPS, arrays_along, vectors_at_once, vectors_of_a_row
from staticbp.runtime.compiler.locations import Locations
from staticbp.runtime.compiler.numbers import IrValue, Kind, Scalar, Unknown, binary, kind_name
from staticbp.runtime.compiler.outlined import Outlined
from staticbp.runtime.compiler.pieces import statements
from staticbp.runtime.compiler.regions import with_rows
from staticbp.runtime.compiler.repeats import (
    BUILTINS,
    Repeat,
    assigned_in,
    elsewhere,
    likeness,
    new_function,
    repeats,
    same_memory,
)
from staticbp.runtime.compiler.strips import in_strips
from staticbp.runtime.compiler.target import target
from staticbp.runtime.intrinsics import sharing, vectors
from staticbp.runtime.kernelcode import PREFIX
from staticbp.runtime.spec import Spec


@dataclass(frozen=True, slots=True)
class Function:
    """A function as LLVM code: what Numba's description of one says of it."""

    llvm_func_name: str
    argtypes: tuple[Kind, ...]
    restype: Kind = types.int64


def translate(
    tree: ast.Module, name: str, signatures: Mapping[str, Sequence[Spec]], filename: str | None = None
) -> tuple[Any, dict[str, Function]]:
    """A library of the functions of a module, not yet optimised, and what they are called there.

    Parameters
    ----------
    tree : ast.Module
        The text, which has been found to keep to the grammar of `whitelist`.
    name : str
        The name of the LLVM module; symbols begin with it.
    signatures : mapping of str to sequence of Spec
        The functions wanted, with their arguments.
    filename : str, optional
        What the text is called, for the code to know which lines of it it comes from.

    Raises
    ------
    Unknown
        When there is something in them that is left to Numba.
    """
    context = target()
    library = context.codegen().create_library(name)
    module = _Module(with_rows(tree), context.create_module(name), name, filename)
    made: dict[str, Function] = {}
    try:
        with context.push_code_library(library):
            for wanted, specs in signatures.items():
                kinds = tuple(map(numba_type, specs))
                function = module.function(wanted, kinds, tuple(spec.shape for spec in specs))
                made[wanted] = Function(function.name, kinds)
    except (NumbaError, NotImplementedError, KeyError) as error:  # Numba says better what is wrong
        raise Unknown(str(error)) from error
    library.add_ir_module(module.ir)
    return library, made


class _Module:
    """The functions of a module, each translated when it is first called."""

    def __init__(self, tree: ast.Module, module: Any, name: str, filename: str | None) -> None:
        self.ir = module
        self.locations = None if filename is None else Locations(module, filename)
        self.name = name
        self.imports: dict[str, ModuleType] = {}
        self.texts: dict[str, ast.FunctionDef] = {}
        self.generated: set[str] = set()  # those of `texts` that are of this module
        self.regions = 0
        self.outlined = Outlined(module, name)
        self.repeated: dict[Any, Any] = {}
        self._made: dict[Any, Any] = {}
        for node in tree.body:
            match node:
                case ast.Import(names=names):
                    self.imports |= {item.asname or item.name: importlib.import_module(item.name) for item in names}
                case ast.ImportFrom(module=package, names=names):
                    modules = {item.asname or item.name: f"{package}.{item.name}" for item in names}
                    found = {alias: importlib.import_module(path) for alias, path in modules.items()}
                    self.imports |= found
                    for kernels in found.values():
                        self.take(getattr(kernels, "texts", dict)())
                case ast.FunctionDef(name=function):
                    self.take({function: in_strips(node)})
                    self.generated.add(function)
                case ast.Expr(value=ast.Constant()):
                    pass
                case _:
                    raise Unknown(ast.dump(node))

    def take(self, texts: Mapping[str, ast.FunctionDef]) -> None:
        """Add functions, whether of the module or of kernels that are written as text, to what may be called."""
        if not self.texts.keys().isdisjoint(texts):
            raise Unknown("two functions of one name")
        self.texts |= texts

    def function(
        self, name: str, kinds: tuple[Kind, ...], shapes: tuple[Extents | None, ...], symbol: str | None = None
    ) -> Any:
        """The LLVM function for arguments of these types and known shapes, by Numba's calling convention."""
        key = (name, kinds, shapes)
        if key not in self._made:
            text = self.texts[name]
            names = [argument.arg for argument in text.args.args]
            if len(names) != len(kinds):
                raise Unknown(name)
            convention = target().call_conv
            signature = convention.get_function_type(types.int64, kinds)
            symbol = symbol or f"{self.name}.{name}.{len(self._made)}"
            made = self._made[key] = ir.Function(self.ir, signature, symbol)
            # What generated code writes, its results and its workspace, nothing else shares.
            convention.decorate_function(made, names, kinds, noalias=True)
            # A copy of a few elements that have just been written is faster by element than by block.
            set.add(made.attributes, '"no-builtin-memcpy"')
            builder = ir.IRBuilder(made.append_basic_block("entry"))
            if self.locations is not None:
                self.locations.mark(builder, text.lineno)
            values = target().get_arg_packer(kinds).from_arguments(builder, convention.get_arguments(made))
            arguments = map(partial(argument, builder, {}), kinds, values, shapes)
            self.fill(text, builder, dict(zip(names, arguments, strict=True)))
        return self._made[key]

    def fill(self, text: ast.FunctionDef, builder: Any, known: dict[str, Known], inner: bool = False) -> None:
        """Translate the body of a function, whose arguments are known; an `inner` one is called from here only."""
        body = _Body(self, builder, text.body, known)
        body.is_inner = inner
        if self.locations is None:  # for which each loop has lines of its own
            body.repeats = repeats(text.body, BUILTINS | self.imports.keys() | self.texts.keys())
            body.apart = known.keys() - {"work"}
        body.block(text.body)
        if not builder.block.is_terminated:
            raise Unknown(f"{text.name} returns nothing")


class _Body(Blocks):
    """Writes the statements of one function, in which some names are known from the start."""

    def __init__(self, module: _Module, builder: Any, body: Sequence[ast.stmt], known: dict[str, Known]) -> None:
        super().__init__(builder, module.imports, body, module.outlined)
        self.module = module
        self.loops: list[tuple[Any, Any]] = []  # where `continue` and `break` go
        self.places = places(body, module.ir)
        self.spans = spans(body)
        self.apart: set[str] = set()  # arguments that share their memory with nothing
        self.repeats: dict[ast.stmt, Repeat] = {}
        self.is_inner = False  # whether it returns its status and nothing else, as no function of Numba's does
        nested = (node.target for node in statements(body) if isinstance(node, ast.For))
        indexes = {target.id for target in nested if isinstance(target, ast.Name)}
        if not self.stores.keys().isdisjoint(indexes | known.keys()):
            raise Unknown("an index or an argument that is assigned to")
        for name, value in known.items():
            self.bind(name, value)

    # -- statements ---------------------------------------------------------------------------------------
    def statement(self, node: ast.stmt) -> None:
        """Translate one statement."""
        builder = self.builder
        if node in self.repeats and self.call_repeated(node, self.repeats[node]):
            return
        if self.module.locations is not None:
            self.module.locations.mark(builder, node.lineno)
        match node:
            case ast.Assign(targets=[to], value=value):
                self.assign(to, self.expression(value))
            case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
                self.bind(name, binary(builder, op, self.number(name), self.scalar(value)))
            case ast.AugAssign(target=ast.Subscript() as element, op=op, value=value):
                array, place = self.element(element)
                self.store(binary(builder, op, self.load(array, place), self.scalar(value)), array, place)
            case ast.For(target=ast.Name(id=name), iter=ast.Call(func=ast.Name(), args=extent), body=body):
                self.count(name, extent, body)
            case ast.For(target=ast.Name(id=name), iter=ast.Call(args=extent), body=body):
                self.share([name], extent, body)
            case ast.For(target=ast.Tuple() as bounds, iter=ast.Call(args=extent), body=body):
                self.share([bound.id for bound in bounds.elts if isinstance(bound, ast.Name)], extent, body)
            case ast.While(test=test, body=body):
                self.repeat(test, body)
            case ast.If(test=test, body=body, orelse=orelse):
                self.branch(self.truth(test), lambda: self.block(body), lambda: self.block(orelse))
            case ast.Return(value=ast.expr() as value):
                status = self.size(value)
                _ = builder.ret(status) if self.is_inner else self.context.call_conv.return_value(builder, status)
            case ast.Break():
                builder.branch(self.loops[-1][1])
            case ast.Continue():
                builder.branch(self.loops[-1][0])
            case ast.Expr(value=ast.Call() as call):
                self.call(call)
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                pass
            case _:
                refuse(node)

    def assign(self, to: ast.expr, value: Known) -> None:
        """Give a name or an element its value."""
        match to:
            case ast.Name(id=name):
                if isinstance(value, Array) and name in self.places:
                    value = replace(value, apart=self.places[name])
                self.bind(name, value)
            case ast.Subscript():
                array, place = self.element(to)
                self.store(value, array, place)
            case _:
                refuse(to)

    def count(self, name: str, extent: Sequence[ast.expr], body: Sequence[ast.stmt]) -> None:
        """``for name in range(...)``; nobody asks for the index once the loop is over."""
        limits = [self.size(limit) for limit in extent]
        start, stop = limits[:2] if len(limits) > 1 else (SIZE(0), limits[0])
        step = ast.literal_eval(extent[2]) if len(extent) > 2 else 1
        known = isinstance(start, ir.Constant) and isinstance(stop, ir.Constant)
        self.steps(name, start, stop, step, body, (stop.constant - start.constant) // step if known else 0)

    def share(self, names: Sequence[str], extent: Sequence[ast.expr], body: Sequence[ast.stmt]) -> None:
        """``for index in threads.range(count, grain)``: a function of its own, of all that is known here.

        ``for low, high in threads.parts(count, grain)``, of which text only becomes one, knows the bounds of a part.
        """
        count, grain = (*map(self.size, extent), SIZE(1))[:2]
        nodes = [node for statement in body for node in ast.walk(statement)]
        if any(isinstance(node, ast.Return) for node in nodes):
            raise Unknown("a return from a shared loop")
        captured = self.captured(sorted({node.id for node in nodes if isinstance(node, ast.Name)}))
        parts = [part for value in captured.values() for part in parts_of(value)]

        def write(inside: Any, low: IrValue, high: IrValue, *handed: IrValue) -> None:
            rest = iter(handed)
            known = {n: assembled(value, rest) for n, value in captured.items()}
            if len(names) > 1:
                known |= {n: Scalar(types.int64, bound) for n, bound in zip(names, (low, high), strict=True)}
                _Body(self.module, inside, body, known).block(body)
                return
            least = grain.constant if isinstance(grain, ir.Constant) else 0
            _Body(self.module, inside, body, known).steps(names[0], low, high, 1, body, least)

        self.module.regions += 1
        sharing.share(self.builder, count, grain, f"region.{self.module.name}.{self.module.regions}", write, parts)

    def elsewhere(self, builder: Any, body: Sequence[ast.stmt], known: dict[str, Known]) -> _Body:
        """What writes statements of this function into another one."""
        return _Body(self.module, builder, body, known)

    def call_repeated(self, loop: ast.stmt, repeat: Repeat) -> bool:
        """Call the function of a loop and all that are like it; whether there can be such a function."""
        own = assigned_in(loop)
        known = self.captured([name for name in repeat.names if name not in own])
        first = same_memory({n: v for n, v in known.items() if isinstance(v, Array)}, self.spans, self.apart)
        if first is None:
            return False
        handed = {n: part for n, value in known.items() if first.get(n, n) == n for part in parts_of(value)}
        places = {n: repeat.names.index(first.get(n, n)) for n in known}
        key = (repeat.pattern, *(likeness(known[n], places[n]) if n in known else None for n in repeat.names))
        function = self.module.repeated.get(key)
        if function is None:
            name = f"repeated.{self.module.name}.{len(self.module.repeated)}"
            function = self.module.repeated[key] = new_function(self.module.ir, name, handed.values())
            given = dict(zip(handed, function.args, strict=True))
            there = {n: elsewhere(value, given.get(first.get(n, n))) for n, value in known.items()}
            inside = ir.IRBuilder(function.append_basic_block("entry"))
            _Body(self.module, inside, [loop], there).block([loop])
            inside.ret_void()
        self.builder.call(function, list(handed.values()))
        return True

    def steps(self, name: str, start: IrValue, stop: IrValue, step: int, body: Sequence[ast.stmt], least: int) -> None:
        """The steps of a loop, at least so many."""
        builder = self.builder
        before, (test, inside, onward, after) = builder.block, self.blocks("test", "body", "next", "done")
        builder.branch(test)
        builder.position_at_end(test)
        index = builder.phi(SIZE, name)
        index.add_incoming(start, before)
        builder.cbranch(builder.icmp_signed("<" if step > 0 else ">", index, stop), inside, after)
        builder.position_at_end(inside)
        self.loops.append((onward, after))
        with self.scope(**{name: Scalar(types.int64, index)}):
            self.block(body)
        self.loops.pop()
        self.jump(onward)
        builder.position_at_end(onward)
        index.add_incoming(builder.add(index, SIZE(step), flags=["nsw"]), onward)
        jump = builder.branch(test)
        together = self.vectors_along(body, name, least) if isinstance(stop, ir.Constant) else 0
        if together:
            vectors.by_vectors(jump, together)
        else:
            vectors.interleave(jump, vectors_at_once(body, least))
        builder.position_at_end(after)

    def vectors_along(self, body: Sequence[ast.stmt], index: str, steps: int) -> int:
        """How many vectors to take together in a short loop along rows; 0 where a loop is nothing of the kind."""
        arrays = [self.look_up(name) for name in arrays_along(body, index)] if steps < FEWEST_STEPS else []
        if not arrays:
            return 0
        largest = max(itemsize(array.kind.dtype) for array in arrays)
        return vectors_of_a_row(steps, vectors.vector_bits(vectors.host_features()) // (8 * largest))

    def repeat(self, test: ast.expr, body: Sequence[ast.stmt]) -> None:
        """``while test:``."""
        again, inside, after = self.blocks("test", "body", "done")
        self.builder.branch(again)
        self.builder.position_at_end(again)
        self.builder.cbranch(self.truth(test), inside, after)
        self.builder.position_at_end(inside)
        self.loops.append((again, after))
        with self.scope():
            self.block(body)
        self.loops.pop()
        self.jump(again)
        self.builder.position_at_end(after)

    # -- calls --------------------------------------------------------------------------------------------
    def call_function(self, name: str, args: Sequence[Known]) -> Scalar:
        """Call a function of this module."""
        if name not in self.module.texts:
            raise Unknown(name)
        if name in self.module.generated:
            return self.call_generated(name, args)
        kinds = tuple(arg.kind for arg in args)
        return self.call_written(self.module.function(name, kinds, (None,) * len(kinds)), kinds, args)

    def call_generated(self, name: str, args: Sequence[Known]) -> Scalar:
        """Call a function of the generated text, which stays a function: it is there because it is called often."""
        text = self.module.texts[name]
        handed = [part for arg in args for part in parts_of(arg)]
        key = (name, *(likeness(arg, place) for place, arg in enumerate(args)))
        function = self.module.repeated.get(key)
        if function is None:
            symbol = f"{name}.{self.module.name}.{len(self.module.repeated)}"
            function = self.module.repeated[key] = new_function(self.module.ir, symbol, handed, SIZE)
            inside, given = ir.IRBuilder(function.append_basic_block("entry")), iter(function.args)
            if self.module.locations is not None:
                self.module.locations.mark(inside, text.lineno)
            names = [argument.arg for argument in text.args.args]
            known = {n: assembled(arg, given) for n, arg in zip(names, args, strict=True)}
            self.module.fill(text, inside, known, inner=True)
        return Scalar(types.int64, self.builder.call(function, handed))

    def call_text(self, name: str, args: Sequence[Known]) -> Scalar:
        """Call a kernel that is written as text, which may be compiled apart from this module."""
        kernels = vectors.APART.get()
        if kernels is None:
            return self.call_function(name, args)
        kinds = tuple(arg.kind.copy(readonly=False) if isinstance(arg, Array) else arg.kind for arg in args)
        signature = self.context.call_conv.get_function_type(types.int64, kinds)
        symbol = PREFIX + ".".join([name, *map(kind_name, kinds)])
        kernels[symbol] = partial(_fill, self.module.texts, name, kinds, symbol)
        function = cgutils.get_or_insert_function(self.builder.module, signature, symbol)
        return self.call_written(function, kinds, args)

    def call_written(self, function: Any, kinds: tuple[Kind, ...], args: Sequence[Known]) -> Scalar:
        """Call a function that is translated too."""
        values = [self.whole(arg) if isinstance(arg, Array) else arg.value for arg in args]
        _, result = self.context.call_conv.call_function(self.builder, function, types.int64, kinds, values)
        return Scalar(types.int64, result)


def _fill(texts: Mapping[str, ast.FunctionDef], name: str, kinds: tuple[Kind, ...], symbol: str, module: Any) -> None:
    """Write a kernel of those that are given as texts, with what it calls of them, into a module of its own."""
    alone = _Module(ast.Module([], []), module, symbol, None)
    alone.take(texts)
    alone.function(name, kinds, (None,) * len(kinds), symbol)
