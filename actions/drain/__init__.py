"""Taking pods out of service without cutting their requests: the method, the duration, and the obstacles."""
