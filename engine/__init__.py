"""The trigger engine: retention rules as text, exact about absence and time."""
