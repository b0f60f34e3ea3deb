"""Logs and lookups full of oddities, and a second opinion on what is to be counted in them."""
