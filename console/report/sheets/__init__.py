"""Tables on stdout: a sheet for each kind of row, in any format."""
