"""Counts records into FlowCounts."""
