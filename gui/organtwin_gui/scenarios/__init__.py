"""What if: scenarios made of interventions, tried on the twin and seen side by side."""
