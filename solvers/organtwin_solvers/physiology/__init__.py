"""The body as ordinary differential equations, for ensembles: circulation, respiration, glucose and insulin."""
