"""Planning a resection: what is taken with a margin, what stays, which vessels that cuts, and how two plans differ."""
