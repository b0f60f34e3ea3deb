"""Turn the bytes of a file into records, whatever shape the file has."""
