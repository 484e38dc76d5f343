"""The Textual app, and what its screens and commands ask of it: where to go, what to change, what is in view."""
