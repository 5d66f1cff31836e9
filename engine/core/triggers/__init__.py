"""The trigger kinds, one file each."""
