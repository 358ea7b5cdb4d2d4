"""The version, known without importing anything heavy."""

__all__ = ["__version__"]

__version__ = "0.1.0"
