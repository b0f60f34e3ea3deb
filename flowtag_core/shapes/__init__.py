"""The bytes of a file -> records, in whichever shape they are."""
