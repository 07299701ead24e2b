"""A patient's readings in order of time: codes, units, what is plausible, and many years drawn at once."""
