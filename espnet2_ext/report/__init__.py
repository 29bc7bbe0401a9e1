"""Tables, intervals and verdicts from the scores of several systems."""
