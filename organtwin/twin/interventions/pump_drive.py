"""What the circulation takes for a pump at full speed (its drive "pump_speed" of 1)."""

FULL_HEAD_MMHG = 105.0
