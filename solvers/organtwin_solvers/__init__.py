"""The physics: flow and tissue. No Qt, no files."""
