"""`grad_with`: each leaf combined with its derivative."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from staticbp.api.arguments import Argnums, positions, title
from staticbp.api.branches import Arm
from staticbp.api.function import Function, made, name_of
from staticbp.api.reverse import Gradient
from staticbp.api.staging import with_respect_to
from staticbp.core.tree import map_leaves


class Combined(Function[..., Any]):
    """What a function makes of the leaves of an argument and their derivatives.  Made by `grad_with`."""

    def __init__(
        self,
        function: Callable[..., Any],
        combine: Arm,
        argnums: Argnums = 0,
        has_aux: bool = False,
        with_value: bool = False,
    ) -> None:
        super().__init__(function, combine=combine, argnums=argnums, has_aux=has_aux, with_value=with_value)
        self.combine = combine.function
        self.argnums = argnums
        self.aux = has_aux
        self.with_value = with_value

    @property
    def has_aux(self) -> bool:
        """Whether a pair of result and aux is returned."""
        return self.aux and not self.with_value

    def _name(self) -> str:
        return f"{name_of(self.__wrapped__)}_{'value_and_' if self.with_value else ''}grad_with"

    def _description(self) -> str:
        return (
            f"{'value and ' if self.with_value else ''}gradient of "
            f"{with_respect_to(self.__wrapped__, self.argnums)}, combined by {title(self.combine)}"
        )

    def _others(self) -> Sequence[Callable[..., Any]]:
        return [self.combine]

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        gradient = Gradient(self.__wrapped__, argnums=self.argnums, has_aux=self.aux, with_value=True)
        output, slopes = gradient(*args, **kwargs)
        chosen = args[self.argnums] if isinstance(self.argnums, int) else tuple(args[n] for n in self.argnums)
        combined = map_leaves(self.combine, chosen, slopes)
        if self.with_value:
            return output, combined
        return (combined, output[1]) if self.aux else combined


def grad_with(
    combine: Callable[[Any, Any], Any],
    function: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    *,
    has_aux: bool | None = None,
    with_value: bool = False,
) -> Combined:
    """What becomes of each leaf and its derivative: a step of gradient descent, for instance.

    Parameters
    ----------
    combine : callable
        ``combine(leaf, derivative)``, called for each leaf of the argument.  It may return any structure.
    function : callable
        A function that returns one number.
    argnums : int or sequence of int, optional
        The positional arguments to differentiate with respect to; negative ones count from the end.
    has_aux : bool, optional
        Whether `function` returns ``(value, aux)``; by default what `function` was decorated with.
    with_value : bool, optional
        Whether to return the value of the function as well.

    Returns
    -------
    Combined
        A compiled function of the same arguments.  It returns a structure like the argument of what `combine`
        returned, or a tuple of them for a sequence of argnums; with aux, ``(combined, aux)``.  With the value, it
        returns what `value_and_grad` does, with the combined structure in the place of the gradient.

    See Also
    --------
    grad : The derivatives alone.

    Examples
    --------
    >>> import numpy as np
    >>> import staticbp as bp
    >>> step = bp.grad_with(lambda w, slope: w - 0.1 * slope, lambda w, x: (w[0] + w[1] * x - 3.0) ** 2)
    >>> step([0.0, 0.0], 2.0)
    [np.float64(0.6000000000000001), np.float64(1.2000000000000002)]
    """
    numbers = argnums if isinstance(argnums, int) else positions(argnums)
    aux = getattr(function, "has_aux", False) if has_aux is None else has_aux
    return made(
        Combined, function, combine=Arm(combine), argnums=numbers, has_aux=bool(aux), with_value=bool(with_value)
    )
