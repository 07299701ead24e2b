"""Models of the body's functions as the twin sees them: what they need, what they give, where they hold."""
