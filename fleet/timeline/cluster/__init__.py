"""What objects of a cluster still say of the past, a module for each kind of witness and a row in ``registry``."""
