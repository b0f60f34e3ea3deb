"""The modules behind dashboard.py: sessions, the intake of files, and the sections of the page."""
