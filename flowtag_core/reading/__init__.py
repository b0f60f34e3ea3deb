"""A log -> FlowCounts. Nothing here knows of lookups or tags."""
