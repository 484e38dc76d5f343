"""What is wrong with an object, and by which signs: causes as declared data, and what judges by them. Pure."""
