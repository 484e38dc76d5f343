"""Tests of the evaluation of the diagnosis."""
