"""The one owner of the state of an open project: objects, jobs, undo. Windows and commands talk to it, and to nothing below."""

from organtwin.document.document import Change, Document
from organtwin.document.signal import Signal

__all__ = ["Change", "Document", "Signal"]
