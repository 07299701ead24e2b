"""Privacy in the window: encryption, consent, roles, the audit log, copies without identity."""

from organtwin_gui.governance.dialog import PrivacyDialog, forget_role
from organtwin_gui.governance.role_views import in_sight, said_of_role

__all__ = ["PrivacyDialog", "forget_role", "in_sight", "said_of_role"]
