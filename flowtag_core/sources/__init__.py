"""Where a log lies -> the files in it, unpacked, in pieces."""
