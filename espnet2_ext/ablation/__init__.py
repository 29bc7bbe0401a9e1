"""Settings of a loss compared: many short trainings, one table."""
