"""Verification cases, each solved by the public solvers and compared with a reference."""
