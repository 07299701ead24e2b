"""What a case asks for, resolved against a mesh: conditions on the openings, checked before anything is solved."""
