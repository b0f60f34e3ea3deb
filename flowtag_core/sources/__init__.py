"""A path or an open file -> the files in it, unpacked, in pieces."""
