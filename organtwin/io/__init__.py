"""Files in and out. The only place where the conventions of files (RAS, row/column order, units) meet ours (LPS, mm).

``organtwin.io.study`` reads scans; ``organtwin.io.export`` writes every object of the twin.
"""
