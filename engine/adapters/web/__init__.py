"""What customers and providers reach over HTTP: unsubscribe links, preferences, feedback. It owns no state."""
