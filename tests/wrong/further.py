"""More wrong programs by category, in the form of `programs.py`: about what is around the functions of NumPy."""

ASSIGNMENTS = {
    "MutationError": """
A[0] = x[0]; return A
---
out = np.empty(3); out[:] = x
---
out = np.zeros(4); out[x.argmax()] = 1.0; return out
---
out = np.zeros(3, int); out[0:2] = x[:2]; return out
---
y[0] = x; return y
---
v = x.reshape(-1); v[0] = 1.0; return x + v
---
x.shape = (1, 3); return x
""",
    "ShapeError": """
y = y.copy(); y[0] = x; return y
---
z = np.zeros(3); z += y; return z
---
z = np.zeros_like(x); z[:] = y; return z
""",
    "TracedIndexError": """
z = np.outer(x, x); z[:, 4] = x; return z
""",
}

MATRICES = {
    "ShapeError": """
return np.linalg.solve(np.outer(x, x), y)
---
return np.linalg.inv(A + x[0])
---
return np.linalg.cholesky(x)
---
return np.linalg.eigh(np.outer(x, y))
---
return np.linalg.qr(x)
---
return np.fft.irfft(x, n=0)
---
return np.fft.fft(x, axis=3)
---
return np.fft.fft2(x)
""",
    "LinAlgError": """
return np.linalg.cholesky(-np.outer(x, x))
""",
    "UnsupportedFunctionError": """
return np.linalg.norm(np.outer(x, x), ord="fr")
---
import scipy.special; return scipy.special.lambertw(x)
""",
    "DtypeError": """
return np.fft.rfft(x + 1j)
""",
    "NonScalarGradError": """
return np.fft.fft(x)
>>> bp.grad(f)(X, Y, N)
""",
}

CALLS = {
    "ArgumentError": """
return x.sum()
>>> bp.grad(f)(X, Y)
---
return x.sum()
>>> bp.compile(f)(X, Y, N, extra=3)
---
return x.sum()
>>> bp.grad("f")(X)
---
return bp.checkpoint(x)
---
return bp.fold(lambda c: c, 0.0, x)
---
return bp.while_loop(lambda: True, lambda v: v, x)
---
return bp.cond(x[0] > 0, lambda a, b: a, lambda a: a, x)
---
return bp.vmap(lambda a, b: a)(x)
---
return x.sum()
>>> bp.jvp(f, (X,), (X,))
---
return x.sum()
>>> bp.grad(f, argnums="x")(X, Y, N)
---
return x.sum()
>>> bp.compile(f, static_argnums=1.5)(X, Y, N)
---
return bp.from_numba(x)(x)
---
return x.sum()
>>> bp.record(3)
---
return x.sum()
>>> bp.njit(f)
---
return x.sum()
>>> bp.cfunc(f, X, Y, N)
---
return x.sum()
>>> bp.profile(f, X, Y)
---
return x.sum()
>>> bp.inspect(f, X, Y, N, mode="gradient")
---
return x.sum()
>>> bp.inspect(f, X, Y, N).show("sorce")
---
return x.sum()
>>> bp.inspect(f, X, Y, N).asm_of("nothing")
""",
    "UserError": """
def g(a, b): return a
return g(x)
""",
}

SIZES = {
    "ArgumentError": """
return x.sum()
>>> bp.compile(f, dynamic_axes="x")(X, Y, N)
---
return x.sum()
>>> bp.compile(f, dynamic_axes={"x": "n"})(X, Y, N)
---
return x.sum()
>>> bp.compile(f, dynamic_axes={"x": {0: 3}})(X, Y, N)
---
return x.sum()
>>> bp.compile(f, dynamic_axes={"q": {0: "n"}})(X, Y, N)
---
return x.sum()
>>> bp.compile(f, dynamic_axes={"x": {1: "n"}})(X, Y, N)
---
return x.sum()
>>> bp.compile(f, dynamic_axes={"x": {0: "n"}, "y": {0: "n"}})(X, Y, N)
""",
    "ConcreteSizeError": """
return sum(x[i] for i in range(x.shape[0]))
>>> bp.compile(f, dynamic_axes={"x": {0: "n"}})(X, Y, N)
---
return x if x.shape[0] > 2 else -x
>>> bp.compile(f, dynamic_axes={"x": {0: "n"}})(X, Y, N)
""",
    "ShapeError": """
return x.reshape(3) * 2
>>> bp.compile(f, dynamic_axes={"x": {0: "n"}})(X, Y, N)
""",
}

PYTHON = {
    "ControlFlowError": """
while x.sum() > 1: x = np.append(x, 1.0)
return x
>>> bp.compile(f, control_flow="python")(X, Y, N)
---
for v in x: y = np.append(y, v)
return y
>>> bp.compile(f, control_flow="python")(X, Y, N)
---
if x[0] > 0: z = x
else: z = y
return z
>>> bp.compile(f, control_flow="python")(X, Y, N)
---
if x[0] > 0: z = x
return z
>>> bp.compile(f, control_flow="python")(X, Y, N)
---
if x[0] > 0: return x
return y
>>> bp.compile(f, control_flow="python")(X, Y, N)
---
if x[0] > 0: return "positive"
return "negative"
>>> bp.compile(f, control_flow="python")(X, Y, N)
""",
    "ArgumentError": """
return x
>>> bp.compile(f, control_flow="pyton")(X, Y, N)
""",
}

TRANSFORMS = {
    "ControlFlowError": """
return bp.fold(lambda c, v: c + v, 0.0, x, checkpoint=-1)
---
return bp.associative_scan(lambda a, b: (a, b), x)
---
return bp.switch(x[0], [lambda: x, lambda: x])
""",
    "ShapeError": """
return x.sum()
>>> bp.vmap(f, 5)(X, Y, N)
---
return x
>>> bp.vmap(f, (0, 0, None))(X, Y, N)
---
return bp.associative_scan(lambda a, b: a, x, axis=4)
""",
    "ArgumentError": """
return x.sum()
>>> bp.vmap(f, (0, None))(X, Y, N)
---
return x.sum()
>>> bp.vmap(f, (None, None, None))(X, Y, N)
""",
    "StructureError": """
return x
>>> bp.vmap(f, ("a", None, None))(X, Y, N)
---
return bp.custom_root(lambda v: (v, v), x, lambda g, v: v, lambda g, b: b)
---
g = bp.custom_vjp(lambda v: (v * v).sum()); g.defvjp(lambda v: (v.sum(), v), lambda r, ct: (ct, ct)); return g(x)
>>> bp.grad(f)(X, Y, N)
""",
    "NonScalarGradError": """
return bp.argmin(lambda v: v, x)
---
return x
>>> bp.sparse_hessian(f)(X, Y, N)
""",
    "DonationError": """
return x.sum()
>>> bp.compile(f, donate_argnums=0)(X[::-1], Y, N)
""",
}

PROGRAMS = {
    "assignments": ASSIGNMENTS,
    "matrices": MATRICES,
    "calls": CALLS,
    "sizes": SIZES,
    "python": PYTHON,
    "transforms": TRANSFORMS,
}
