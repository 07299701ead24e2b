"""The liver from inside: tumours, portal and hepatic veins, their trees, and the territories they feed."""
