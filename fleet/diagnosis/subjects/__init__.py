"""What the signs of a cause examine: an object with the facts related to it."""
