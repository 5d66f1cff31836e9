"""One module or package per outside system, each behind a port and independent of the others."""
