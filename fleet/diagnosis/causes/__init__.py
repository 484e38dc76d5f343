"""The causes, a module for those that are told apart from each other."""
