"""The readings of a patient over time: lanes, what happened, what was set aside."""
