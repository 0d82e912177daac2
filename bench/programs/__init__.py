"""Programs that run once in a process of their own, and print one line of JSON as soon as they are done.

``first_gradient`` is a gradient of an MNIST network; ``chain`` compiles the gradient of as many scalar operations as
it is told, and says how long that took. ``answer`` is a number that all libraries must agree on.
"""
