"""Projects with errors on purpose are not for pytest to collect."""

collect_ignore = ["diagnostics"]
