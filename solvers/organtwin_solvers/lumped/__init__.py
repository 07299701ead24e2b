"""Blood flow in lumped (0D) circuits: answers in well under a second, and starts the 3D solve near its periodic state."""
