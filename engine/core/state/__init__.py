"""What the engine remembers of one customer: its shape, its bytes, how events change it, and how a new book does."""
