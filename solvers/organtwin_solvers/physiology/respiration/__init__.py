"""Gas exchange, the control of breathing, and the forced breath of spirometry."""
