"""Counting: records -> FlowCounts."""
