"""FlowCounts x Lookup -> Report. Nothing here knows how a log is read."""
