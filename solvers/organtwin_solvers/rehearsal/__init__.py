"""The rehearsal engine: hyperelastic tissue in real time, deterministic, without window and without files."""
