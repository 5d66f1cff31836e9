"""Reads the webhooks of mail providers, each with its own signature and format."""
