"""Studies by the hundred: the same operations, each study in a process of its own, and one table of them all."""
