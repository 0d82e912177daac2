"""The value that stands for an array while a function is traced.

It speaks Python's operators and NumPy's protocols, and looks every operation up in the register of `ops`.
What cannot be recorded (a branch, a conversion to float, an assignment) raises the error that says what to
write instead, with the user's line.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

from staticbp.core.graph import Lit
from staticbp.core.primitive import Traced
from staticbp.core.shape import Extent
from staticbp.errors import (
    DtypeError,
    MutationError,
    NumpyCallError,
    StaticbpError,
    TracedConversionError,
    UnsupportedFunctionError,
)
from staticbp.ops import catalog, mutation
from staticbp.ops.options import refuse_order
from staticbp.ops.views import VIEWS, ordered, own
from staticbp.trace import selection
from staticbp.trace.names import here
from staticbp.trace.operands import placed
from staticbp.trace.refusals import Unknown
from staticbp.trace.sizes import Size, held

F = TypeVar("F", bound=Callable[..., Any])


def located(method: F) -> F:
    """Errors that leave `method` name the user's line, and NumPy's own become ours."""

    @functools.wraps(method)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except StaticbpError as error:
            raise placed(error) from None
        except (TypeError, ValueError, IndexError, AttributeError) as error:
            if here().src is None:
                raise
            raise NumpyCallError(f"NumPy refuses this call: {error}", src=here().src) from error

    return wrapper  # type: ignore[return-value]


def _operators(ufunc: np.ufunc) -> tuple[Any, Any]:
    """``x + y`` and ``y + x`` by a ufunc; Python scalars stay weak."""
    operation = catalog.elementwise_of(ufunc)

    @located
    def forward(self: Tracer, other: Any) -> Any:
        return operation.weakly(self, other) if _is_operand(other) else NotImplemented

    @located
    def reflected(self: Tracer, other: Any) -> Any:
        return operation.weakly(other, self) if _is_operand(other) else NotImplemented

    return forward, reflected


def _in_place(ufunc: np.ufunc) -> Any:
    """``x += y``: an array holds something else from then on; of a number, the name is bound to another."""
    operation = catalog.elementwise_of(ufunc)

    @located
    def update(self: Tracer, other: Any) -> Any:
        if not _is_operand(other):
            return NotImplemented
        updated = operation.weakly(self, other)
        if not self.ndim and self.memory is None:
            return updated
        mutation.write(self, mutation.holds(self, updated))
        return self

    return update


_OPERANDS = (Traced, Lit, Extent, np.ndarray, np.generic, bool, int, float, complex, list, tuple)


def _is_operand(value: Any) -> bool:
    return isinstance(value, _OPERANDS)


def _method(function: Callable[..., Any]) -> Any:
    """The array method of the same meaning as a NumPy function."""

    @located
    def method(self: Tracer, *args: Any, **kwargs: Any) -> Any:
        ours = lookup(function)
        result = ours(self, *args, **kwargs)
        return result if ours in VIEWS else own(result, (self,))

    return method


def lookup(function: Callable[..., Any]) -> Callable[..., Any]:
    """What traced values do for a NumPy function; an error that names it when there is nothing."""
    ours = catalog.NUMPY.get(function)
    if ours is None and isinstance(function, np.ufunc):
        ours = catalog.SCIPY.get(function.__name__)
    if ours is None:
        name = getattr(function, "__name__", str(function))
        module = getattr(function, "__module__", None) or "numpy"
        if isinstance(function, np.ufunc) and not hasattr(np, name):
            module, name = "scipy.special", name.lstrip("_")
        raise UnsupportedFunctionError(
            f"{module.replace('numpy', 'np', 1)}.{name} is not supported on traced values",
            advice=catalog.alternative(name),
        )
    return ours


class Tracer(Unknown):
    """A traced array or scalar."""

    __slots__ = ()
    __array_priority__ = 1000.0

    # -- what an array says of itself ---------------------------------------------------------------------
    @property
    def shape(self) -> tuple[int | Size, ...]:
        """The shape."""
        return tuple([held(dim) for dim in self.aval.shape])

    @shape.setter
    def shape(self, shape: object) -> None:
        raise MutationError(
            f"the shape of {self!r} cannot be assigned", src=here().src, advice=f"Write x = x.reshape({shape})."
        )

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype."""
        return self.aval.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.aval.ndim

    @property
    def size(self) -> int | Size:
        """The number of elements."""
        return held(self.aval.size)

    @property
    def device(self) -> str:
        """Where it is, by the standard of arrays: as for all of NumPy's, "cpu"."""
        return "cpu"

    @located
    def to_device(self, device: str, /, *, stream: None = None) -> Any:
        """As `ndarray.to_device`: itself."""
        if device != self.device or stream is not None:
            raise ValueError(f"there is the device 'cpu', not {device!r}, and no stream")
        return self

    @property
    def T(self) -> Any:
        """The transpose."""
        return lookup(np.transpose)(self)

    @property
    def mT(self) -> Any:
        """The transpose of the last two axes."""
        return lookup(np.matrix_transpose)(self)

    @property
    def real(self) -> Any:
        """The real part."""
        return lookup(np.real)(self)

    @real.setter
    def real(self, value: Any) -> None:
        self[...] = value + 1j * self.imag if self.aval.is_complex else value

    @property
    def imag(self) -> Any:
        """The imaginary part."""
        return lookup(np.imag)(self)

    @imag.setter
    def imag(self, value: Any) -> None:
        self[...] = self.real + value * 1j

    @located
    def conj(self) -> Any:
        """As `ndarray.conj`, which gives an array itself where nothing is to be changed."""
        return np.conjugate(self) if self.aval.is_complex else self

    conjugate = conj

    def __repr__(self) -> str:
        return f"<traced {self.name}: {self.aval}>"

    def __len__(self) -> int:
        if not self.ndim:
            raise TracedConversionError("a traced scalar has no len()", src=here().src)
        first = self.shape[0]
        return first.refuse("len()") if isinstance(first, Size) else first

    def __iter__(self) -> Iterator[Any]:
        if not self.ndim:
            raise TracedConversionError("a traced scalar cannot be iterated over or unpacked", src=here().src)
        return (self[i] for i in range(len(self)))

    # -- NumPy's protocols --------------------------------------------------------------------------------
    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return importlib.import_module("staticbp.numpy")  # stands above, and is asked for by other libraries only

    @located
    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if any(not _is_operand(x) for x in inputs):
            return NotImplemented
        out = kwargs.pop("out", None)
        if method == "at":
            return mutation.accumulate_at(ufunc, *inputs)
        if method != "__call__":
            return catalog.ufunc_method(ufunc, method)(*inputs, **kwargs, **({} if out is None else {"out": out}))
        results = own(lookup(ufunc)(*inputs, **kwargs), inputs)
        return results if out is None else mutation.write_out(ufunc.__name__, out, results)

    @located
    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        result = lookup(function)(*args, **kwargs)
        if function is np.shape or function is np.size:
            return tuple(map(held, result)) if isinstance(result, tuple) else held(result)
        return result

    @located
    def __setitem__(self, key: Any, value: Any) -> None:
        if selection.is_traced_mask(key):
            selection.assign(self, key, value)
        else:
            mutation.set_items(self, key, value)

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any())

    # -- operators ----------------------------------------------------------------------------------------
    __add__, __radd__ = _operators(np.add)
    __sub__, __rsub__ = _operators(np.subtract)
    __mul__, __rmul__ = _operators(np.multiply)
    __truediv__, __rtruediv__ = _operators(np.true_divide)
    __floordiv__, __rfloordiv__ = _operators(np.floor_divide)
    __mod__, __rmod__ = _operators(np.remainder)
    __pow__, __rpow__ = _operators(np.power)
    __and__, __rand__ = _operators(np.bitwise_and)
    __or__, __ror__ = _operators(np.bitwise_or)
    __xor__, __rxor__ = _operators(np.bitwise_xor)
    __lshift__, __rlshift__ = _operators(np.left_shift)
    __rshift__, __rrshift__ = _operators(np.right_shift)
    __lt__, _ = _operators(np.less)
    __le__, _ = _operators(np.less_equal)
    __gt__, _ = _operators(np.greater)
    __ge__, _ = _operators(np.greater_equal)
    __eq__, _ = _operators(np.equal)
    __ne__, _ = _operators(np.not_equal)
    __hash__ = Traced.__hash__

    __iadd__ = _in_place(np.add)
    __isub__ = _in_place(np.subtract)
    __imul__ = _in_place(np.multiply)
    __itruediv__ = _in_place(np.true_divide)
    __ifloordiv__ = _in_place(np.floor_divide)
    __imod__ = _in_place(np.remainder)
    __ipow__ = _in_place(np.power)
    __iand__ = _in_place(np.bitwise_and)
    __ior__ = _in_place(np.bitwise_or)
    __ixor__ = _in_place(np.bitwise_xor)
    __ilshift__ = _in_place(np.left_shift)
    __irshift__ = _in_place(np.right_shift)

    @located
    def __neg__(self) -> Any:
        return catalog.elementwise_of(np.negative).weakly(self)

    @located
    def __pos__(self) -> Any:
        return lookup(np.positive)(self)

    @located
    def __abs__(self) -> Any:
        return catalog.elementwise_of(np.absolute).weakly(self)

    @located
    def __invert__(self) -> Any:
        return lookup(np.invert)(self)

    @located
    def __matmul__(self, other: Any) -> Any:
        return lookup(np.matmul)(self, other) if _is_operand(other) else NotImplemented

    @located
    def __rmatmul__(self, other: Any) -> Any:
        return lookup(np.matmul)(other, self) if _is_operand(other) else NotImplemented

    @located
    def __imatmul__(self, other: Any) -> Any:
        mutation.write(self, mutation.holds(self, lookup(np.matmul)(self, other)))
        return self

    @located
    def __divmod__(self, other: Any) -> Any:
        return lookup(np.divmod)(self, other)

    @located
    def __rdivmod__(self, other: Any) -> Any:
        return lookup(np.divmod)(other, self)

    @located
    def __round__(self, digits: int = 0) -> Any:
        return lookup(np.round)(self, digits)

    @located
    def __getitem__(self, key: Any) -> Any:
        if selection.is_traced_mask(key):
            return selection.Selection(self, key)
        return catalog.getitem(self, key)

    # -- methods ------------------------------------------------------------------------------------------
    sum = _method(np.sum)
    mean = _method(np.mean)
    prod = _method(np.prod)
    max = _method(np.max)
    min = _method(np.min)
    var = _method(np.var)
    std = _method(np.std)
    any = _method(np.any)
    all = _method(np.all)
    argmax = _method(np.argmax)
    argmin = _method(np.argmin)
    cumsum = _method(np.cumsum)
    cumprod = _method(np.cumprod)
    argsort = _method(np.argsort)
    clip = _method(np.clip)
    round = _method(np.round)
    dot = _method(np.dot)
    ravel = _method(np.ravel)
    swapaxes = _method(np.swapaxes)
    squeeze = _method(np.squeeze)
    repeat = _method(np.repeat)
    take = _method(np.take)
    diagonal = _method(np.diagonal)
    trace = _method(np.trace)
    argpartition = _method(np.argpartition)
    searchsorted = _method(np.searchsorted)
    choose = _method(np.choose)

    @located
    def copy(self, order: str = "C") -> Any:
        """As `ndarray.copy`."""
        return ordered(lookup(np.copy)(self, order=order))

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self.copy()

    @located
    def fill(self, value: Any) -> None:
        """As `ndarray.fill`."""
        mutation.fill(self, value)

    @located
    def sort(self, *args: Any, **options: Any) -> None:
        """As `ndarray.sort`: in place."""
        mutation.sort(self, *args, **options)

    @located
    def put(self, indices: Any, values: Any, mode: str = "raise") -> None:
        """As `ndarray.put`."""
        lookup(np.put)(self, indices, values, mode)

    @located
    def transpose(self, *axes: Any) -> Any:
        """As `ndarray.transpose`."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return lookup(np.transpose)(self, order or None)

    @located
    def reshape(self, *shape: Any, order: str = "C", copy: bool | None = None) -> Any:
        """As `ndarray.reshape`."""
        new = shape[0] if len(shape) == 1 else shape
        return lookup(np.reshape)(self, new, order=order)

    @located
    def flatten(self, order: str = "C") -> Any:
        """As `ndarray.flatten`."""
        return ordered(lookup(np.copy)(lookup(np.ravel)(self, order=order)))

    @located
    def astype(
        self, dtype: Any, order: str = "K", casting: Any = "unsafe", subok: bool = True, copy: bool = True
    ) -> Any:
        """As `ndarray.astype`."""
        refuse_order("x.astype", order)
        wanted = np.dtype(dtype)
        if not np.can_cast(self.aval.dtype, wanted, casting):
            raise DtypeError(f"{self!r} cannot become {wanted} by the casting rule {casting!r}")
        return lookup(np.astype)(self, wanted, copy=copy)
