"""What can be put into the 3D viewport: one module a kind of thing."""
