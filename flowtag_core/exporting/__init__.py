"""Report -> a file to take away."""
