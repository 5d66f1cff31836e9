"""The HTTP side of `engine web`: unsubscribe links, preferences, providers' webhooks. It has no state of its own."""
