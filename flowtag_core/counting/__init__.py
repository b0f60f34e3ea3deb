"""Records -> FlowCounts."""
