"""Sends outreach as mail: builds messages and hands them to an SMTP server, a maildir or files."""
