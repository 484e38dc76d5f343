"""What is printed as a table: a sheet for each kind of row, whatever the format is that it is written in."""
