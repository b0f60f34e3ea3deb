"""Tagging: make a Report from FlowCounts and a Lookup. Nothing here depends on how logs are read."""
