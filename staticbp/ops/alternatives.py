"""What to write instead of a NumPy function or array method that is not traced."""

from __future__ import annotations

import difflib

_BY_MASK = "Its result has no fixed shape: go on with the mask itself, by np.where(mask, x, 0)."
_UNIQUE = "Its result has no fixed shape; np.sort(x) keeps the shape."
_AFTER = "Look at values after the compiled call."
_COUNTS = "Write np.histogram(x, bins=np.arange(n + 1) - 0.5)[0], with n known."

ALTERNATIVES = {
    "argwhere": _BY_MASK,
    "array2string": _AFTER,
    "array_repr": _AFTER,
    "array_str": _AFTER,
    "asfortranarray": "Layout in memory is the compiler's business: go on with x itself.",
    "bincount": _COUNTS,
    "byteswap": "Convert outside the traced function.",
    "compress": "By a mask that is traced its result has no fixed shape: write np.where(mask, x, 0).",
    "data": "The memory of an array exists when the compiled code runs only.",
    "dump": "Save the result of the compiled call.",
    "dumps": "Save the result of the compiled call.",
    "extract": "By a mask that is traced its result has no fixed shape: write np.where(mask, x, 0).",
    "flags": "The memory of an array exists when the compiled code runs only.",
    "flatnonzero": _BY_MASK,
    "gcd": "Compute it outside the traced function.",
    "intersect1d": _UNIQUE,
    "lcm": "Compute it outside the traced function.",
    "may_share_memory": "The memory of an array exists when the compiled code runs only.",
    "nonzero": _BY_MASK,
    "place": "Write np.where(mask, value, x).",
    "polydiv": "Its result has no fixed shape: divide values, np.polyval(u, x) / np.polyval(v, x).",
    "resize": "Write np.resize(x, shape).",
    "save": "Save the result of the compiled call.",
    "savetxt": "Save the result of the compiled call.",
    "savez": "Save the result of the compiled call.",
    "setdiff1d": _UNIQUE,
    "setxor1d": _UNIQUE,
    "shares_memory": "The memory of an array exists when the compiled code runs only.",
    "strides": "The memory of an array exists when the compiled code runs only.",
    "tobytes": "Take the bytes of the result of the compiled call.",
    "tofile": "Save the result of the compiled call.",
    "trim_zeros": "Its result has no fixed shape: cut with x[i:j], with i and j known.",
    "union1d": _UNIQUE,
    "unique": _UNIQUE,
    "unique_all": _UNIQUE,
    "unique_counts": _UNIQUE,
    "unique_inverse": _UNIQUE,
    "unique_values": _UNIQUE,
    "view": "Write x.astype(dtype), which converts values, where that is meant.",
}


def alternative(name: str, known: list[str]) -> str | None:
    """What to write instead: by the table, or else the function that is known under the most similar name."""
    written = ALTERNATIVES.get(name)
    if written is not None:
        return written
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    return f"The nearest that is supported is {close[0]}." if close else None
