"""Tables on stdout: a sheet for each kind of row, in whatever format it is written."""
