"""Report -> what a person looks at: pandas frames and charts, pure functions."""
