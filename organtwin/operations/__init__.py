"""What can be done to the twin. A button, a command line and a batch task run the same operation by name."""

from organtwin.operations.registry import Operation, find, names

__all__ = ["Operation", "find", "names"]
