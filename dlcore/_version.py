"""The one place that states the version; packaging and `dlcore.__version__` read it."""

__version__ = "0.1.0"
