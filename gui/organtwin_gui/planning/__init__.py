"""The live side of planning a resection: what is worked out while one drags, and what stands in the 3D view."""
