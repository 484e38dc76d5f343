"""The classes of causes, by what they are about: each with the search for the objects at which one holds."""
