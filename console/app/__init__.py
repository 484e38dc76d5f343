"""The Textual app, and the services that its screens and commands use: navigation, changes, the view."""
