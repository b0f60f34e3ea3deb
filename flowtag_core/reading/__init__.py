"""The ways in: a log -> FlowCounts. Nothing here knows of lookups or tags."""
