"""The same unsteady pipe flow through different solvers; each module is run as a program of its own and prints one line."""
