"""Times of the GPU's kernels against their floors: `python -m benchmarks.gpu`.

cases.py     what is timed: primitives at the sizes of real networks, with the bytes and operations they need
timing.py    how: CUDA events around groups of calls, warm and cold cache, the host's share apart
peers.py     what else could do it: im2col with cuBLAS, PyTorch where it is installed
__main__.py  the command; a report as Markdown and JSON
"""
