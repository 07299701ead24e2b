"""What the twin believes and expects: estimated, updated, forecast, tried out. Knows models and readings, not files."""
