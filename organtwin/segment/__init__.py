"""Which voxel belongs to which structure: engines by name, and what they share."""
