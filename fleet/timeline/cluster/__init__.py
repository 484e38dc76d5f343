"""Evidence of the past in objects of a cluster: a module for each kind of witness and a row in ``registry``."""
