"""Tests of the CUDA device.

pytest puts `tests` in front of the path, so that this folder is also found as `cuda`, the name of a package that NVIDIA
shares out among its wheels and that CuPy imports: their parts of it are searched as well.
"""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)
