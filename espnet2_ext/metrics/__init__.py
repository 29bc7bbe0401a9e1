"""Scores of enhanced speech per utterance, and the statistics of a set."""
