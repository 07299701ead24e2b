"""The live rehearsal: an engine in a process of its own, and the session that talks with it."""
