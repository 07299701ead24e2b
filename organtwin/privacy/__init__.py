"""Who may see what: encryption at rest, an audit log that shows tampering, consent, roles, de-identified copies."""
