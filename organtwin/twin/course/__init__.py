"""How something that imaging shows went over several dates, and how it may go on."""
