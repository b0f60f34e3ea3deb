"""Tests, a file for each room of flowtag_core, and the laws that hold across them."""
