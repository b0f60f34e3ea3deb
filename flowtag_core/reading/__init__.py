"""Logs -> FlowCounts. Nothing here knows about lookups or tags."""
