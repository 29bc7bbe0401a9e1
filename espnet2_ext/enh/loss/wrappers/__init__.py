"""Solvers that give lengths to the criteria."""
