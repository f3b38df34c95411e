"""Apart from the package, so that its modules need not import the whole of it for a text."""

__version__ = "0.2.0"
