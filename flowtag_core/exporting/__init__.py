"""Report or Handout -> a file to save or download."""
