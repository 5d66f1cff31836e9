"""What a rule does when it comes true. One file an action; docs/adding-an-action.md shows how."""
