"""What travels over topics and into files: events, outreach, outcomes, dead letters, feedback and signed links.

Workers, senders, adapters and commands encode and decode with it. It must not read, write or wait for anything.
"""
