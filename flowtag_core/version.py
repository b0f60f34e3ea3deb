"""The version of flowtag, which must be the same on all machines of a cluster."""

VERSION = "0.1.0"
