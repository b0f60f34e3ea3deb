"""Report -> a file to save or download."""
