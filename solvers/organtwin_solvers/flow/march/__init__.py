"""From one moment to the next: to a steady state, or through the beats of the heart."""
