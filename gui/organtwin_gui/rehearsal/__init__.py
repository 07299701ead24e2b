"""The rehearsal in the window: the hand, the instruments, the read-outs, the badge, and what was recorded."""
