"""Outreach as mail: messages, and where they go: an SMTP server, a maildir, files."""
