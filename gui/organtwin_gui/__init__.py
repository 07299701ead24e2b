"""The desktop app. No physics, no pixel reading."""
