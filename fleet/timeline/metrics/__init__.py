"""What a metrics store still knows of the past: what is gone, and values that changed before anybody looked."""
