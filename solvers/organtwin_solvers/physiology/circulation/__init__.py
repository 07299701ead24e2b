"""The heart and the vessels in a closed loop, settled with the baroreflex."""
