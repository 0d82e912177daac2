"""The version: stated here, read by the build, by ``staticbp.__version__`` and by the keys of the store."""

__version__ = "0.1.0"
