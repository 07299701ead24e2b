"""Vessels from a few clicks: a minimal path between them, and the lumen along it."""
