"""A ticket: what is wrong, the numbers that show it, what changed and who acted, as one document."""
