"""The Taylor-Hood scheme: quadratic velocity, linear pressure; what the fast scheme is held against."""
