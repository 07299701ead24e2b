"""Labels to smooth surfaces, and surfaces to tetrahedra with named boundaries."""
