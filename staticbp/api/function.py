"""What all functions of this package have in common: traced among traced values, compiled among plain ones.

A `Function` has one way to run, `_run`, which works on traced values.  Called while something is being traced it
just runs, and becomes a part of that; called with plain values it is traced, compiled, and found again by its
signature.  Every transform is a `Function` of a function, so they nest in any order and to any depth.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from types import MethodType
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast

import optree

from staticbp import api, inspection
from staticbp.api.arguments import (
    Statics,
    argument_paths,
    flatten_arguments,
    lift_arrays,
    parameter_names,
    plain_arrays,
    positional_names,
    title,
)
from staticbp.api.causes import History
from staticbp.api.forms import RECENT, Call, Form, in_order, reachable, straight_kind
from staticbp.api.home import HOME, Home
from staticbp.api.sizes import Axes, Pattern, Sizes
from staticbp.compilation import Compilation, Outputs, identifier, identifiers, user_stacklevel
from staticbp.core.graph import Graph, SrcLine
from staticbp.core.primitive import Traced
from staticbp.core.recording import RECORDING, activated
from staticbp.core.tree import NAMESPACE
from staticbp.errors import ArgumentError, RetraceWarning, StaticbpError
from staticbp.runtime.direct import Straight
from staticbp.runtime.dispatch import Donated, admit, converter
from staticbp.runtime.gate import MISS, Gate, Passage, write_gate
from staticbp.trace.guards import Guards, collect
from staticbp.trace.names import defined_at, here

if TYPE_CHECKING:
    from staticbp.api.standalone import Standalone
    from staticbp.inspection.text import Inspection

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound="Function[..., Any]")

RETRACES = 3  # of one name, after which the user is told


class Function(Generic[P, R]):
    """A callable that is compiled for each signature it is called with; see the module."""

    __wrapped__: Callable[..., Any]
    __name__: str
    __qualname__: str
    _has_same_arguments = False  # as the function that it transforms

    def __init__(self, function: Callable[..., Any], *, dynamic_axes: Axes | bool = True, **options: Any) -> None:
        if not callable(function):
            given = repr(function) if isinstance(function, Traced) else f"a {type(function).__name__}"
            raise ArgumentError(f"{given} is no function", src=here().src, advice="Give f itself, and not f(x).")
        functools.update_wrapper(self, function, updated=())
        if not isinstance(function, Function):
            kept = {name: value for name, value in getattr(function, "__dict__", {}).items() if name != HOME}
            self.__dict__.update(kept, __wrapped__=function)
        self._options = options
        self._class = type(self)  # of which it may become the only instance of a subclass
        self._statics: Statics | None = getattr(function, "_statics", None)
        self._forms: dict[Any, Form] = {}
        self._gates: list[Gate] = []  # of the forms used last, in the order in which they are tried
        self._general: set[Gate] = set()  # those that serve more than one list of shapes
        inner = getattr(function, "_sizes", None)
        axes = dynamic_axes if inner is None else inner.handed_on(self._has_same_arguments)
        self._sizes = Sizes(axes, title(function))
        self._lock = threading.RLock()
        self._retraced: Counter[str] = Counter()
        self._history = History()
        self._bound: dict[int, Function[..., Any]] = {}  # to the objects that it was a method of last

    # -- what transforms say of themselves --------------------------------------------------------------------
    def _run(self, *args: Any, **kwargs: Any) -> Any:
        """What the function does, on traced values."""
        return self.__wrapped__(*args, **kwargs)

    def _name(self) -> str:
        """The name of the generated function."""
        return name_of(self.__wrapped__)

    def _description(self) -> str:
        """What the function computes, in words."""
        return describe(self.__wrapped__)

    def _argument_names(self, count: int) -> list[str]:
        return parameter_names(self.__wrapped__, count)

    def _leaf_names(self, paths: Sequence[str]) -> list[str]:
        """The names of the graph's inputs."""
        return identifiers(paths)

    def _bind_first(self, instance: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments of a call as a method of `instance`."""
        return (instance, *args)

    # -- calls ------------------------------------------------------------------------------------------------
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run compiled; while something is being traced, as a part of that."""
        if RECORDING.innermost is None:
            try:
                for gate in self._gates:
                    result = gate(args, kwargs)
                    if result is not MISS:
                        return result  # type: ignore[no-any-return]  # a cast would cost 50 ns
                call = self._call(args, kwargs)
                return cast(R, self._find(call)(call.leaves))
            except OverflowError as error:
                raise self._overflow(error) from None
            except StaticbpError as error:
                raise error.at(here().src) from None
        plain, named, taken = self._without_statics(args, kwargs)
        with activated(self._name(), here().src):
            return cast(R, self._run_with(lift_arrays(plain), lift_arrays(named), taken))

    def _without_statics(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any], tuple[Any, ...]]:
        return (args, kwargs, ()) if self._statics is None else self._statics.take(args, kwargs)

    def _run_with(self, args: tuple[Any, ...], kwargs: dict[str, Any], statics: tuple[Any, ...]) -> Any:
        if self._statics is not None:
            args, kwargs = self._statics.put_back(args, kwargs, statics)
        return self._run(*args, **kwargs)

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        given = (args, kwargs)
        args, kwargs, statics = self._without_statics(args, kwargs)
        leaves, structure = flatten_arguments(args, kwargs, self._argument_names)
        return Call(given, args, kwargs, statics, plain_arrays(leaves), structure)

    def _find(self, call: Call) -> Form:
        """The compiled form for a call, made anew when something that it had frozen has changed."""
        with self._lock:
            exact = self._forms.get(call.key)
            pattern = (
                None if exact is not None else self._sizes.pattern(call.kind, call.leaves, lambda: self._paths(call))
            )
            form = exact or self._forms.get(call.key_for(pattern))
            changed = None if form is None else form.guards.changed()
            if changed is not None:
                self._note_retrace(changed)
            if form is None or changed is not None:
                outdated = None if form is None else form.gate
                self._gates = [gate for gate in self._gates if gate is not outdated]
                with self._history.compiling(self._name(), call, self._paths(call), changed) as tell:
                    form = self._made(call, pattern)
                    tell(form)
            # A new list: another thread may be going through the old one.
            self._gates = in_order(form, self._gates, self._general)
            self._go_straight(form)
            return form

    def _go_straight(self, form: Form) -> None:
        """Have calls like the one that this form was for answered by a builtin function, if they can be."""
        if self._class.__call__ is Function.__call__:
            self.__class__ = straight_kind(self._class, form, self.__name__, self._through_gates) or type(self)

    def _through_gates(self, *args: Any, **kwargs: Any) -> Any:
        return Function.__call__(self, *args, **kwargs)

    def _forget(self) -> None:
        """Compile anew what is called from now on."""
        self.__class__ = self._class
        self._forms.clear()
        self._gates = []

    def _made(self, call: Call, pattern: Pattern | None) -> Form:
        """A form for a pattern of shapes; where it has to be, for the shapes of this call alone."""
        if pattern is not None:
            try:
                form = self._forms[call.key_for(pattern)] = self._form(call, self._compilation(call, pattern))
            except Exception as reason:
                if self._sizes.declared:
                    raise
                self._sizes.refuse(call.kind, pattern, reason, self._paths(call))
            else:
                self._sizes.note(call.kind, call.leaves, pattern)
                return form
        form = self._forms[call.key] = self._form(call, self._compilation(call))
        self._sizes.note(call.kind, call.leaves, None)
        self._sizes.warn_if_many(call.kind, self._paths(call))
        return form

    def _pattern(self, call: Call) -> Pattern | None:
        """The pattern of shapes that such calls are compiled for, as far as that is known; None for their own."""
        exact = call.key in self._forms
        return None if exact else self._sizes.known(call.kind, call.leaves, lambda: self._paths(call))

    def _paths(self, call: Call) -> list[str]:
        """What the leaves of a call are called."""
        return argument_paths(call.args, call.kwargs, self._argument_names(len(call.args)))

    def _form(self, call: Call, compilation: Compilation) -> Form:
        entry, outputs = compilation.entry, compilation.outputs
        entry.check_donated(call.leaves)
        guards = self._guards(call)
        statics = {where: value for where, _, value in call.statics}
        passage = Passage(entry, outputs.structure, outputs.plain, outputs.join, guards.expression, guards.names)
        return Form(
            entry,
            guards,
            converters=[(i, c) for i, leaf in enumerate(call.leaves) if (c := converter(leaf)) is not None],
            join=outputs.join,
            gate=write_gate(*call.given, statics, passage, self._argument_names(len(call.given[0]))),
            straight=Straight.of(*call.given, entry, outputs.structure, plain=bool(statics or outputs.plain)),
        )

    def _guards(self, call: Call) -> Guards:
        """What tracing such a call freezes."""
        return collect(origin(self), reachable((call.given, self._others())))

    def _with_form(self, call: Call, compilation: Compilation) -> Function[P, R]:
        """The same function for calls like this one only, with this compilation in place of what it would find."""
        other = object.__new__(self._class)  # a copy would be what pickle makes of it, which is the function itself
        other.__dict__.update(self.__dict__)
        form = self._form(call, compilation)
        other._forms, other._gates, other._lock = {call.key: form}, [form.gate] if form.gate else [], threading.RLock()
        other._go_straight(form)
        return other

    def _others(self) -> Sequence[Callable[..., Any]]:
        """What is called besides the function itself, and has frozen what it read as well."""
        inner = self.__wrapped__
        return inner._others() if isinstance(inner, Function | Bound) else ()

    def _overflow(self, error: OverflowError) -> Exception:
        """What to raise for an integer that is too large for compiled code; other overflows are the user's."""
        if "int too" not in str(error) and "convert" not in str(error):
            return error
        return ArgumentError(f"an argument of {self._name()} does not fit into 64 bits: {error}", src=here().src)

    def _compilation(self, call: Call, pattern: Pattern | None = None) -> Compilation:
        """The way of a call through the compiler, for its shapes or for a pattern that they have."""
        paths = self._paths(call)
        avals = [admit(leaf, path) for leaf, path in zip(call.leaves, paths, strict=True)]
        if pattern is not None:
            avals = [a if shape is None else a.with_shape(shape) for a, shape in zip(avals, pattern, strict=True)]

        def function(*values: Any) -> Any:
            args, kwargs = call.structure.unflatten(values)
            return self._run_with(args, kwargs, call.statics)

        return Compilation(
            name=self._name(),
            title=_title(self._description(), defined_at(origin(self))),
            function=function,
            avals=avals,
            names=self._leaf_names(paths),
            origin=origin(self),
            donate=self._donate(call),
        )

    def _donate(self, call: Call) -> Callable[[Outputs, Graph], tuple[Donated, ...]] | None:
        """What says which results are arguments of the call updated in place; None when no arguments are donated."""
        return None

    def _note_retrace(self, changed: str) -> None:
        self._retraced[changed] += 1
        if self._retraced[changed] == RETRACES:
            warnings.warn(
                f"{self._name()} has been traced {RETRACES + 1} times because {changed} keeps changing; "
                "pass it as an argument, and one compiled function serves all its values",
                RetraceWarning,
                stacklevel=user_stacklevel(),
            )

    def inspect(self, *args: P.args, **kwargs: P.kwargs) -> Inspection:
        """What a call with these arguments is compiled to: graph, schedule, source, machine code.

        Examples
        --------
        >>> import staticbp as bp
        >>> @bp.differentiable
        ... def f(x):
        ...     y = x * x
        ...     return y
        >>> print(f.inspect(2.0).graph)
        graph f(x: f64[]) -> f64[]
          y: f64[] = mul x x ... y = x * x
          return y
        """
        call = self._call(args, kwargs)
        pattern = self._pattern(call)
        form = self._forms.get(call.key_for(pattern))
        exact = None if pattern is None else lambda: self._compilation(call)
        subject = self._history.subject(call, self._paths(call), form, lambda: self._guards(call), exact)
        return inspection.text.Inspection(self._compilation(call, pattern), subject, *self._both_passes(call))

    def _both_passes(self, call: Call) -> tuple[Callable[[], Compilation], ...]:
        """What gives the forward and the backward pass by themselves, where there are such."""
        return ()

    # -- for code that is not staticbp's ----------------------------------------------------------------------
    def _standalone(self, *args: Any, **kwargs: Any) -> tuple[Standalone, Compilation]:
        """What a call is compiled to, to be called without the boundary of a `Function`."""
        call = self._call(args, kwargs)
        compilation = self._compilation(call)
        return api.standalone.standalone(compilation, call.structure, self._argument_names(len(call.args))), compilation

    def njit(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """A function of Numba's that computes this for arguments like these; see `staticbp.njit`."""
        return api.standalone.njit_of(self._standalone(*args, **kwargs)[0])

    def cfunc(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """A callback for SciPy's functions in C that computes this; see `staticbp.cfunc`."""
        return api.standalone.cfunc_of(*self._standalone(*args, **kwargs))

    # -- as a method, and in pickles --------------------------------------------------------------------------
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        bound = self._bound.get(id(instance))
        if bound is not None and cast(MethodType, bound.__wrapped__).__self__ is instance:
            return bound
        if is_structure(instance):
            return Bound(self, instance)
        bound = made(self._class, MethodType(self.__wrapped__, instance), **self._options)
        if RECORDING.innermost is None:
            self._bound = {**dict([*self._bound.items()][1 - RECENT :]), id(instance): bound}
        return bound

    def __reduce__(self) -> Any:
        return functools.partial(made, self._class, **self._options), (self.__wrapped__,)

    def __repr__(self) -> str:
        return f"<staticbp {self._description()}>"


class Bound:
    """A `Function` as a method of a structure, which is then its first argument."""

    def __init__(self, function: Function[..., Any], instance: Any) -> None:
        self.__self__ = instance
        self.__func__ = function
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__func__(*self.__func__._bind_first(self.__self__, args), **kwargs)

    def inspect(self, *args: Any, **kwargs: Any) -> Inspection:
        """As `Function.inspect`."""
        return self.__func__.inspect(*self.__func__._bind_first(self.__self__, args), **kwargs)

    def njit(self, *args: Any, **kwargs: Any) -> Any:
        """As `Function.njit`; the instance is the first argument of what is made."""
        return self.__func__.njit(*self.__func__._bind_first(self.__self__, args), **kwargs)

    def cfunc(self, *args: Any, **kwargs: Any) -> Any:
        """As `Function.cfunc`."""
        return self.__func__.cfunc(*self.__func__._bind_first(self.__self__, args), **kwargs)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.__func__, name)
        return Bound(value, self.__self__) if isinstance(value, Function) else value

    def __reduce__(self) -> Any:
        return getattr, (self.__self__, self.__name__)

    def __repr__(self) -> str:
        return f"<method {self.__func__!r} of {self.__self__!r}>"


def made(kind: type[F], function: Callable[..., Any], **options: Any) -> F:
    """The transform of this kind of a function: always the same object, which has what was compiled before.

    While something is being traced nothing is compiled for itself, and what is made is kept by nobody.
    """
    if RECORDING.innermost is not None:
        return kind(function, **options)
    home = Home.of(function)
    try:
        key = (kind, *options, *options.values())
        found = home.made.get(key)
    except TypeError:  # an option without a hash
        return kind(function, **options)
    if found is None:
        found = home.made.setdefault(key, kind(function, **options))
    return found  # type: ignore[no-any-return]  # a cast would cost 50 ns


def known(function: Callable[..., Any], key: tuple[Any, ...]) -> Any:
    """What `remembered` was told of under this key; None when that was never, or while something is being traced."""
    return Home.of(function).made.get(key) if RECORDING.innermost is None else None


def remembered(function: Callable[..., Any], key: tuple[Any, ...], transform: F) -> F:
    """`transform`, which was made of `function`, to be known by the arguments it was asked for with: the short way."""
    if RECORDING.innermost is None:
        Home.of(function).made[key] = transform
    return transform


def origin(function: Callable[..., Any]) -> Callable[..., Any]:
    """The user's function that transforms were applied to."""
    while True:
        if isinstance(function, Function):
            function = function.__wrapped__
        elif isinstance(function, Bound):
            return MethodType(origin(function.__func__), function.__self__)
        else:
            return function


def name_of(function: Callable[..., Any]) -> str:
    """The name of a function as an identifier; a transform's tells what it is."""
    if isinstance(function, Function):
        return function._name()
    return identifier(str(getattr(function, "__name__", type(function).__name__)))


def describe(function: Callable[..., Any]) -> str:
    """``loss(W, x, t)``, or what a transform says of itself."""
    if isinstance(function, Function):
        return function._description()
    names = positional_names(function) or ["..."]
    shown = names if len(names) <= 6 else [*names[:5], "..."]
    return f"{name_of(function)}({', '.join(shown)})"


def _title(description: str, place: SrcLine | None) -> str:
    """The first line of a generated module."""
    if not re.match(r"\w+\(", description):
        description = f"{description[0].upper()}{description[1:]}"
    return f"{description}." + (f"  {place.file}:{place.line}" if place else "")


def is_structure(instance: Any) -> bool:
    """Whether `instance` is a structure of values, not a single object."""
    if isinstance(instance, type) or dataclasses.is_dataclass(instance):
        return True
    return not optree.tree_is_leaf(instance, namespace=NAMESPACE)
