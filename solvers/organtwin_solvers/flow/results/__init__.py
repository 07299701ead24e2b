"""What a solved flow means: quantities, tables, and how far they can be believed."""
