"""Beds, theatres and imaging slots: how long patients wait under a plan."""
