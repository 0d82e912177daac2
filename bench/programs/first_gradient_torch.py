"""The same gradient by PyTorch, which compiles nothing for it."""

import torch
from torch.nn import functional

from bench.programs.network import net, say, target, x

leaves = [torch.from_numpy(leaf).requires_grad_() for layer in net for leaf in layer]
h = torch.from_numpy(x)
for w, b in [leaves[:2], leaves[2:4]]:
    h = torch.sigmoid(functional.linear(h, w, b))
err = functional.cross_entropy(functional.linear(h, *leaves[4:]), torch.from_numpy(target))
say([[slope.numpy() for slope in torch.autograd.grad(err, leaves)]])
