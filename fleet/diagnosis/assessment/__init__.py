"""Each object's severity and reason, by the causes that decide it."""
