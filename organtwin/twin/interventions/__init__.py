"""What can be done for a patient, one file each: what it changes in the models, and who measured that."""
