"""The command line: the only place that wires adapters to ports."""
