"""Planning what to take from an organ and what to leave."""
