"""What torch leaves to do: frame arithmetic and processes."""
