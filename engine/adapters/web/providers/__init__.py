"""What providers of mail tell by webhook: each has its own signature and its own words."""
