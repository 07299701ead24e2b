"""Many patients watched by protocols: who changed, why, since when."""
