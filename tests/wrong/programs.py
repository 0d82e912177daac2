"""Wrong programs by category: the body of ``def f(x, y, n)``, and the error that it deserves.

`UserError` stands for those that are wrong without staticbp as well, and get what Python or NumPy has to say.  `x` is a
vector of 3, `y` one of 4, `n` is the integer 3, `A` a captured array of 3 by 4.  Where a call other than
``bp.compile(f)(x, y, n)`` is meant, it follows the body after ``>>>``.
"""

BRANCHES = {
    "TracedBranchError": """
if x[0] > 0: return x
---
if x.sum(): return x
---
return x if x[0] > y[0] else y[:3]
---
while x[0] < 10: x = x * 2
---
assert x[0] > 0
---
return x[0] > 0 and y[0] > 0
---
return x[0] > 0 or y[0] > 0
---
return not (x[0] > 0)
---
return 0 < x[0] < 1
---
return max(x[0], y[0])
---
return min(x[0], y[0], 1.0)
---
return sorted([x[0], x[1]])
---
return bool(x[0])
---
return any(v > 0 for v in x)
---
return all([x[0] > 0, y[0] > 0])
---
if np.isnan(x).any(): return x
---
if (x == y[:3]).all(): return x
---
if np.allclose(x, y[:3]): return x
---
return [v for v in x if v > 0]
---
return x[0] in (1.0, 2.0)
---
return list(filter(lambda v: v > 0, x))
---
if np.linalg.norm(x) > 1: x = x / 2
---
if x[0] == 0: return y
---
if not x[0]: return y
---
elif_ = 1 if x[1] < 0 else 2
""",
}

CONVERSIONS = {
    "TracedConversionError": """
return len(x[0])
---
return iter(x[0])
---
a, b = x[0]
---
return float(x[0])
---
return int(x[0])
---
return complex(x[0])
---
return range(x[0])
---
return x.item()
---
return x.tolist()
---
return [1, 2, 3][np.argmax(x)]
---
return f"{x[0]:.3f}"
---
import math; return math.sin(x[0])
---
import math; return math.floor(x[0])
---
return hex(np.argmax(x))
---
return bytes(x)
---
return divmod(int(x[0]), 2)
---
return np.linspace(0, 1, np.argmax(x))
---
for i in range(np.argmax(x)): x = x + i
---
return "a" * np.argmax(x)
---
return x.reshape(np.argmax(x), 3)
---
return np.eye(np.argmax(y))
---
return int(x.sum())
""",
}

ARRAYS = {
    "TracedArrayError": """
return np.float64(x[0])
---
return np.int64(np.argmax(x))
---
return np.arange(x[0])
---
return np.array([x[0], x[1]])
---
return np.array(x)
---
return np.asarray([x, x])
---
return np.array([[x[0], 0.0], [0.0, x[1]]])
---
return np.float32([x[0]])
---
return np.asarray(x)
---
return np.ascontiguousarray(x)
---
return np.full(3, x[0])
""",
    "MutationError": """
out = np.zeros(3); out[0] = x[0]
---
return np.fromiter((v * 2 for v in x), float)
---
return np.add(x, x, out=np.zeros(3))
---
x[0] = 1.0
---
x[:] = 0
---
x[x > 0] = 0
---
x[0] += 1
---
x.sort()
---
x.fill(0)
---
np.copyto(x, y[:3])
---
np.put(x, [0], [1.0])
---
np.add.at(x, [0], 1.0)
---
x += 1
---
x[1:].fill(0)
---
np.diagonal(np.outer(x, x))[:] = 0
---
np.copyto(np.zeros(3), x)
---
z = x.copy()
def body(i, s):
    z[i] = s
    return s + 1
return bp.fori_loop(0, 3, body, 0.0)
---
z = np.tanh(np.outer(x, x))
z.T.reshape(-1)[0] = 1.0
return z
---
del x[0]
""",
}

SHAPES = {
    "ShapeError": """
return x @ 2.0
---
return np.tensordot(A, x[:2], axes=1)
---
return np.matmul(A, np.stack([x, x]))
---
return x + y
---
return x @ y
---
return A @ x
---
return np.dot(A, x)
---
return x.reshape(2, 2)
---
return np.concatenate([A, x])
---
return np.stack([x, y])
---
return np.where(x > 0, x, y)
---
return np.broadcast_to(x, (2, 2))
---
return x.reshape(-1, 2)
---
return np.einsum("i,i->", x, y)
---
return np.einsum("ij,j->i", A, x)
---
return np.maximum(x, y)
---
return x * np.ones((2, 2))
---
return np.outer(x, y) + A.T
---
h = A.T @ y
---
return np.vstack([x, y])
---
return np.linalg.norm(x - y)
---
return np.inner(x, y)
---
z = x[:2] * y
---
return np.concatenate([x[0], y[0]])
---
return np.swapaxes(x, 0, 1)
---
return x.transpose(1, 0)
---
return np.squeeze(x, axis=0)
""",
    "TracedIndexError": """
return np.stack([x, x])[2, 0]
---
return x[5]
---
return x[-4]
---
return x[0, 0]
---
return x[0.5]
---
return x["a"]
---
return x[x]
---
return x[[0, 7]]
---
return x[np.array([True, False])]
---
return x[None, 3]
---
return np.take(x, 9)
---
return x[1.0:2]
""",
}

AXES = {
    "ShapeError": """
return np.sum(x, axis=1)
---
return np.mean(x, axis=(0, 1))
---
return np.max(x, axis=-2)
---
return np.cumsum(x, axis=2)
---
return np.expand_dims(x, 5)
---
return np.moveaxis(x, 0, 3)
---
return np.flip(x, axis=1)
---
return np.sum(x, axis=(0, 0))
---
return np.sort(x, axis=3)
---
return np.concatenate([x, x], axis=1)
---
return np.stack([x, x], axis=4)
---
return np.argmax(x, axis=1)
---
return np.transpose(x, (0, 0))
---
return np.roll(x, 1, axis=2)
---
return np.repeat(x, 2, axis=1)
---
return np.split(x, 2)
""",
}

UNSUPPORTED = {
    "UnsupportedFunctionError": """
x.resize(6)
---
x.flat[0] = 1.0
---
return np.add(x, x, dtype="U3")
---
return np.unique(x)
---
return np.nonzero(x)
---
return np.where(x > 0)
---
return np.argwhere(x > 0)
---
return np.polydiv(x, x)
---
return np.savetxt("nowhere.txt", x)
---
return np.sum(x, out=np.zeros(()))
---
return np.add(x, x, where=np.array([True, False, True]))
---
return np.sum(x, initial=np.ones(3), out=A)
---
return np.exp(x, dtype=np.int8)
---
return np.array_str(x)
---
return np.bincount(n + np.arange(3) * n)
---
return np.setdiff1d(x, y)
---
return np.intersect1d(x, y)
---
return np.flatnonzero(x)
---
return np.compress(x > 0, x)
---
return np.extract(x > 0, x)
---
return np.setxor1d(x, y)
---
return np.trim_zeros(x)
---
return x.tofile("nowhere.bin")
---
return x.view(np.int64)
---
return np.packbits(x > 0)
---
return np.datetime_as_string(x)
---
return np.busday_count(x, y)
---
return np.union1d(x, y)
---
return x.dump("nowhere.bin")
---
return np.frompyfunc(lambda a: a, 1, 1)(x)
""",
}

PROGRAMS = {
    "branches": BRANCHES,
    "conversions": CONVERSIONS,
    "arrays": ARRAYS,
    "shapes": SHAPES,
    "axes": AXES,
    "unsupported": UNSUPPORTED,
}
