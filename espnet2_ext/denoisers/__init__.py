"""Public denoisers, which the trained systems are compared with."""
