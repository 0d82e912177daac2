"""Every error that staticbp raises.

Each says what happened, on which line of the user's program, and what to write instead.  Each is a
:class:`StaticbpError` and also the builtin exception a Python programmer would expect, so that existing
``except ValueError`` clauses go on working.
"""

from __future__ import annotations

import numpy as np


class StaticbpError(Exception):
    """The base of all errors of staticbp.

    Parameters
    ----------
    what : str
        What happened, in the user's terms.
    src : object, optional
        The user's line (a ``SrcLine``); shown as ``file:line  text``.
    advice : str, optional
        What to write instead.
    operands : str, optional
        What the line speaks of, by the user's names, and the type of each.
    """

    def __init__(
        self, what: str, *, src: object = None, advice: str | None = None, operands: str | None = None
    ) -> None:
        self.what = what
        self.src = src
        self.advice = advice
        self.operands = operands
        lines = [what]
        if src is not None:
            lines.append(f"  at {src}")
        if operands is not None:
            lines.append(f"  with {operands}")
        if advice is not None:
            lines.append(f"  {advice}")
        super().__init__("\n".join(lines))

    def at(self, src: object, operands: str | None = None) -> StaticbpError:
        """The same error with the user's line and what that speaks of, if it has none yet."""
        if self.src is not None or src is None:
            return self
        return type(self)(self.what, src=src, advice=self.advice, operands=operands)


class TracedBranchError(StaticbpError, TypeError):
    """A branch, loop or assertion asked for the truth of a traced value."""


class TracedConversionError(StaticbpError, TypeError):
    """``float(x)``, ``int(x)``, ``range(x)`` and the like on a traced value."""


class TracedArrayError(StaticbpError, TypeError):
    """A traced value was handed to code that builds a plain NumPy array, such as ``np.array([x, y])``."""


class TracedAttributeError(StaticbpError, AttributeError):
    """An attribute that a traced array does not have, and an array neither."""


class LeakedTracerError(StaticbpError, RuntimeError):
    """A traced value was used after the function that it belongs to had been traced."""


class UnsupportedFunctionError(StaticbpError, TypeError):
    """A NumPy function, option or method that staticbp does not trace."""


class ShapeError(StaticbpError, ValueError):
    """Shapes that do not fit together."""


class ConcreteSizeError(ShapeError):
    """A size that differs from call to call was needed as a number while the function was traced."""


class DtypeError(StaticbpError, TypeError):
    """Dtypes that do not fit, or that staticbp does not compile."""


class TracedIndexError(StaticbpError, IndexError):
    """An index that is out of range, or of a kind that a traced array does not take."""


class NonScalarGradError(StaticbpError, ValueError):
    """``grad`` of a function whose output is not one real number."""


class IntegerDifferentiationError(StaticbpError, TypeError):
    """A derivative was asked for with respect to an integer or a boolean."""


class NotDifferentiableError(StaticbpError, TypeError):
    """A derivative was asked for through an operation that has none."""


class MutationError(StaticbpError, TypeError):
    """A traced array was assigned to in place."""


class FrozenRandomError(StaticbpError, RuntimeError):
    """``np.random`` or ``random`` was drawn from while tracing, which would freeze one sample for ever."""


class StructureError(StaticbpError, TypeError):
    """Two structures (records, lists, dicts, ...) that should match do not."""


class ArgumentError(StaticbpError, TypeError):
    """An argument that is neither a number, an array nor a structure of them."""


class DonationError(StaticbpError, ValueError):
    """A donated argument that cannot be updated in place, or that no result takes the place of."""


class ControlFlowError(StaticbpError, TypeError):
    """A loop or branch whose parts do not fit: a carry that changes its type, an axis of the wrong length."""


class NumericalError(StaticbpError, ArithmeticError):
    """A method met a value that it cannot go on with."""


class LinAlgError(StaticbpError, np.linalg.LinAlgError):
    """A matrix that is singular, or not positive definite, or for which an iteration does not converge."""


class NonFiniteError(StaticbpError, FloatingPointError):
    """Within `debug_nans`, an operation made a nan or an infinity of finite values."""


class NumpyCallError(StaticbpError, TypeError):
    """NumPy refused a call in which a traced value was an operand."""


class DatasetError(StaticbpError, ValueError):
    """A file of a dataset is missing, damaged or not what its name says, or cannot be downloaded."""


class SavedFileError(StaticbpError, ValueError):
    """A file of saved values that is damaged, or no such file at all."""


class MissingPackageError(StaticbpError, ImportError):
    """An optional package that is needed for what was asked, and not installed."""


class CommandError(StaticbpError, ValueError):
    """The command `staticbp` was asked for something that is not there."""


class GraphError(StaticbpError, AssertionError):
    """A graph or a schedule breaks its grammar: a fault of staticbp or of a custom operation's rule."""


class RetraceWarning(UserWarning):
    """Something a function reads from its surroundings changes from call to call."""


class UnrollWarning(UserWarning):
    """A Python loop over traced values made a graph of thousands of equations."""


class GeneratedCodeError(StaticbpError, RuntimeError):
    """Generated code that is refused or does not compile: a fault of staticbp or of a custom operation."""
