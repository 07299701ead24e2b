"""Chambers of the heart in a contrast CT angiogram."""
