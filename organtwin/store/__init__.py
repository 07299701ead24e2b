"""A project on disk: objects, an append-only journal of what was done, and nothing that a crash can lose."""

from organtwin.store.objects import Entry, load_object, read_entry, save_object
from organtwin.store.project import Project

__all__ = ["Entry", "Project", "load_object", "read_entry", "save_object"]
