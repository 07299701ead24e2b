"""The liver with what is in it, from the scan alone."""
