"""Kernel sources, read through `importlib.resources`; no Python lives here. Installed as `dlcore.kernels`."""
