"""Wrong programs by category, in the form of `programs.py`: about rules, transforms, loops and looking inside."""

LEAKS = {
    "FrozenRandomError": """
np.random.seed(3)
return x * np.random.rand()
---
return x + np.random.default_rng(0).normal(size=3) * np.random.normal()
---
return x * np.random.choice([1.0, 2.0])
---
z = np.random.permutation(3)
return x[z] * np.random.uniform()
""",
    "LeakedTracerError": """
KEPT.append(x)
return x
>>> bp.compile(f)(X, Y, N); bp.compile(lambda y: y + KEPT[-1])(X)
---
KEPT.append(x * 2)
return x
>>> bp.compile(f)(X, Y, N); np.sin(KEPT[-1])
""",
    "TracedConversionError": """
KEPT.append(x[0])
return x
>>> bp.grad(lambda v: np.sum(f(v, Y, N)))(X); float(KEPT[-1])
""",
}

WRITING = {
    "MutationError": """
x[0:2][0] = y
return x
---
x[[0, 1]] = y
return x
---
np.copyto(Y, x[0])
return x
---
np.put(A, 0, x)
return A
---
np.add(x, 1, out=Y)
return x
---
x += np.ones((3, 3))
return x
---
n += 1j * x
x += 1j
return x
---
del x[0]
return x
""",
}

ALGEBRA = {
    "ShapeError": """
return np.linalg.cholesky(np.outer(x, x)[:2])
---
return np.linalg.det(A * x[0])
---
return np.linalg.eigh(A * x[0])
---
return np.einsum("ij,jk", x, x)
---
return np.trace(x)
---
return np.tensordot(x, y, 1)
""",
    "UnsupportedFunctionError": """
return np.linalg.norm(x, ord="nuc")
---
return np.linalg.norm(np.outer(x, x), ord="abc")
""",
    "NumpyCallError": """
return np.linalg.matrix_power(np.outer(x, x), 1.5)
---
return np.einsum("i,j->ijk", x, x)
""",
    "DtypeError": """
return np.kron(x, "a")
""",
}

RULES = {
    "StructureError": """
g = bp.custom_vjp(lambda v: v * 2)
g.defvjp(lambda v: (v * 2, v), lambda res, ct: (ct, ct))
return np.sum(g(x))
>>> bp.grad(f)(X, Y, N)
---
g = bp.custom_jvp(lambda v: v * 2)
g.defjvp(lambda primals, tangents: primals[0])
return np.sum(g(x))
>>> bp.grad(f)(X, Y, N)
""",
    "ShapeError": """
g = bp.custom_vjp(lambda v: np.sum(v * 2))
g.defvjp(lambda v: (np.sum(v * 2), v), lambda res, ct: (ct * np.ones(5),))
return g(x)
>>> bp.grad(f)(X, Y, N)
---
return bp.fixed_point(lambda v: v[:2], x)
""",
    "ArgumentError": """
return bp.nondifferentiable(3)(x)
""",
}

LOOKING = {
    "ArgumentError": """
return x.sum()
>>> bp.sparse_jacobian(f, "x")
---
return np.outer(x, x)
>>> bp.sparse_jacobian(f)(X, Y, N)
---
return x.sum()
>>> bp.inspect(f, X, Y, N).stages.diff("no such")
---
return x.sum()
>>> bp.inspect(f, X, Y, N).draw("/nowhere/x.unknown")
---
return x.sum()
>>> bp.inspect(f, X, Y, N).show("graph", "machine")
---
return x.sum()
>>> bp.inspect(f, X, Y, N).asm_of(999)
""",
}

DERIVATIVES = {
    "ArgumentError": """
return x.sum()
>>> bp.jacobian(f, argnums=7)(X, Y, N)
---
return x.sum()
>>> bp.vjp(f, X)
---
return x.sum()
>>> bp.taylor(f, X, 3)
---
return x.sum()
>>> bp.diff(f, order=-1)(X)
---
return x.sum()
>>> bp.vmap(f, in_axes=(0, None))(X, Y, N)
---
return x + y[:3]
>>> bp.vmap(f, in_axes=(None, None, None))(X, Y, N)
""",
    "IntegerDifferentiationError": """
return x.sum()
>>> bp.vjp(f, X, Y, N)[1](np.ones(2))
---
return x.sum()
>>> bp.jvp(f, (X, Y, N), (X, Y))
---
return x.sum()
>>> bp.jvp(f, (X, Y, N), (np.ones(2), Y, 0))
""",
    "ShapeError": """
return x.sum()
>>> bp.vmap(f, in_axes=(0, 1, None))(X, Y, N)
---
return x.sum()
>>> bp.vmap(f, in_axes=(0, 0, None))(X, Y, N)
""",
    "StructureError": """
return x.sum()
>>> bp.vmap(f, in_axes="x")(X, Y, N)
""",
}

LOOPS = {
    "ControlFlowError": """
return bp.scan(lambda c, r: (c, r), 0.0, [x, y])
---
return bp.scan(lambda c, r: c + r, 0.0, x)
---
return bp.scan(lambda c, r: (np.append(c, r), r), x, x)
---
return bp.fold(lambda c, r: c + r, 0.0, 3.0)
---
return bp.fori_loop(0, 2.5, lambda i, c: c, x)
---
return bp.switch(x, [lambda: 1.0, lambda: 2.0])
---
return bp.switch(n, [])
---
return bp.cond(x, lambda: 1.0, lambda: 2.0)
---
return bp.cond(x[0] > 0, lambda: x, lambda: 2.0)
""",
    "ArgumentError": """
return bp.checkpoint(lambda v: v)(x, x)
---
return bp.replace(x, a=3)
---
return x.sum()
>>> bp.export("/nowhere/at/all.py", f)
""",
    "StructureError": """
return bp.update(x, "where", 3)
---
return bp.tree.map(lambda a, b: a, [x], [x, x])
""",
}

REWRITTEN = {
    "ControlFlowError": """
while x[0] > 0:
    x = x[:-1]
return x
>>> bp.compile(f, control_flow="python")(X, Y, N)
---
for v in x:
    if v > 2: y = v
    else: z = v
return z
>>> bp.compile(f, control_flow="python")(X, Y, N)
---
if x[0] > 0: z = x
else: z = x[:2]
return z
>>> bp.compile(f, control_flow="python")(X, Y, N)
---
if x[0] > 0: z = 1.0
return x * z
>>> bp.compile(f, control_flow="python")(X, Y, N)
---
if x[0] > 0: return x
return [x]
>>> bp.compile(f, control_flow="python")(X, Y, N)
---
for k in range(n):
    try:
        if x[k] > 0: break
    finally:
        pass
return x
>>> bp.compile(f, control_flow="python")(X, Y, N)
---
for k in range(x[0]):
    n = n + k
return n
>>> bp.compile(f, control_flow="python")(X, Y, N)
---
for k in range(x):
    n = n + k
return n
>>> bp.compile(f, control_flow="python")(X, Y, N)
---
for k in range(0, n, 0):
    x = x + k
return x
>>> bp.compile(f, control_flow="python")(X, Y, N)
---
for k in range(0, 9, n):
    x = x + k
return x
>>> bp.compile(f, control_flow="python")(X, Y, N)
""",
    "ArgumentError": """
return x.sum()
>>> bp.compile(f, control_flow="pythn")(X, Y, N)
""",
}

SYMBOLS = {
    "TracedConversionError": """
return x.reshape(x.shape[0] // 2, 2)
>>> bp.compile(f, dynamic_axes={"x": {0: "n"}})(X, Y, N)
""",
    "ConcreteSizeError": """
return [v for v in x]
>>> bp.compile(f, dynamic_axes={"x": {0: "n"}})(X, Y, N)
---
return np.zeros(int(x.shape[0]))
>>> bp.compile(f, dynamic_axes={"x": {0: "n"}})(X, Y, N)
---
if x.shape[0] > 2: return x
return 2 * x
>>> bp.compile(f, dynamic_axes={"x": {0: "n"}})(X, Y, N)
---
return np.split(x, x.shape[0])
>>> bp.compile(f, dynamic_axes={"x": {0: "n"}})(X, Y, N)
---
return x[y.shape[0]]
>>> bp.compile(f, dynamic_axes={"x": {0: "n"}})(X, Y, N)
""",
    "ShapeError": """
return x + y
>>> bp.compile(f, dynamic_axes={"x": {0: "n"}, "y": {0: "m"}})(X, Y, N)
""",
    "ArgumentError": """
return x + y
>>> bp.compile(f, dynamic_axes={"x": {0: "n"}, "y": {0: "n"}})(X, Y, N)
""",
    "TracedArrayError": """
return np.arange(x.shape[0] * 1.5)
>>> bp.compile(f, dynamic_axes={"x": {0: "n"}})(X, Y, N)
""",
}

PROGRAMS = {
    "leaks": LEAKS,
    "writing": WRITING,
    "algebra": ALGEBRA,
    "rules": RULES,
    "looking inside": LOOKING,
    "derivatives": DERIVATIVES,
    "loops": LOOPS,
    "rewritten": REWRITTEN,
    "symbols": SYMBOLS,
}
