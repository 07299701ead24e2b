"""The twin's beliefs: parameters, how it agrees with what was measured, one cycle, and what it expects."""
