"""How fast is it, beside the least work any design must do and beside what others build? `make bench` answers."""
