"""Ways of blood through a solved field: streamlines, and particles over the cycle. For looking at, not for solving."""
