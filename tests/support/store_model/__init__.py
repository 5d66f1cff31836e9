"""A model of the store and its owners, explored at random (`explore`)."""
