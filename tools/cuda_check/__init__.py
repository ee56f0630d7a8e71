"""The checks of the CUDA kernels that need no GPU: `python -m tools.cuda_check`, or `make cuda-check`.

demands.py      what is written beside a kernel: its budget of registers, the instructions it must have
compiling.py    NVRTC through CuPy's own binding, for every architecture; what the compiler and the binary say
sass.py         what the machine code does: loops, multiply-adds, widths of accesses
binary.py       the check of compiled kernels against what is written beside them, and of their parameters
names.py        every CuPy name and argument that is used, against real CuPy 13 and 14 (resolve.py runs there)
simulated.py    every kernel against the reference in the simulator, over cases; which kernels were reached
mutants.py      every deliberately wrong variant of a kernel is caught
report.py       what was found, as Markdown
"""
