"""A measured vessel: its straightened picture, its section under the crosshair, and its diameters along the way."""
