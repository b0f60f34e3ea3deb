"""Tagging: FlowCounts and a Lookup make a Report. Nothing here depends on how logs are read."""
