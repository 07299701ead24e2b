"""What tissue touches: tools, neighbouring organs, and itself across a cut. Each is a load on nodes.

A contact is asked ``begin(x, v, dt)`` once a step, where it looks for what may touch, and ``evaluate(x)`` at each iterate:
nodes (k,), force (k, 3) = -gradient of its energy, and a positive semi-definite stiffness (k, 3, 3).
"""
