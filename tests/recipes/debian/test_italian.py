"""Phones by rule, against the pronunciation that a dictionary of Italian gives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.italian import phones

WORDS = {
    "chiesa": "k i e s a",
    "ghiaccio": "ɡ i a tʃ o",
    "gli": "ʎ i",
    "agnelli": "a ɲ e l i",
    "scegliere": "ʃ e ʎ e r e",
    "guscio": "ɡ u ʃ o",
    "schema": "s k e m a",
    "cuocere": "k u o tʃ e r e",
    "bacchetta": "b a k e t a",
    "oggi": "o dʒ i",
    "maggio": "m a dʒ o",
    "laghi": "l a ɡ i",
    "quattro": "k w a t r o",
    "acqua": "a k w a",
    "soqquadro": "s o k w a d r o",
    "pizza": "p i ts a",
    "ho": "o",
}


@pytest.mark.parametrize("word", WORDS)
def test_words_have_the_phones_of_the_dictionary(word):
    assert phones(word) == WORDS[word].split()


def test_accents_apostrophes_and_signs_are_not_spoken():
    assert phones("«C\u2019è, perché?»") == ["tʃ", "e", "p", "e", "r", "k", "e"]
    assert phones("perche\u0301") == phones("perché")  # composed or not


def test_words_do_not_change_each_other():
    assert phones("con noi") == [*phones("con"), *phones("noi")]
    assert phones("ho chiesto") == [*phones("ho"), *phones("chiesto")]


@pytest.mark.parametrize("text", ["premere 1", "kappa", "jolly", "www", "ора", "…"])
def test_what_can_be_read_in_two_ways_has_no_phones(text):
    assert phones(text) == []


@given(st.text(alphabet="abcdefghilmnopqrstuvz '", max_size=30))
def test_no_more_phones_than_letters(text):
    assert len(phones(text)) <= sum(c.isalpha() for c in text)
