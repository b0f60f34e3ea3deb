"""The rooms behind dashboard.py: what a session holds, how files come in, the page's sections."""
