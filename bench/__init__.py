"""Timings of staticbp beside other libraries, for the extra ``bench``: ``python -m bench [NAMES]``.

Each library runs in a process of its own, all with their own choice of BLAS kernels. They take turns, round after
round, so that whatever else the machine does befalls them alike, and their answers are compared before anything is
timed. Medians are given, and their ratios, which say more than times on a machine that is shared.
"""
