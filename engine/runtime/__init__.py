"""The loops: they move records, states and outreach between ports and know no client library."""
