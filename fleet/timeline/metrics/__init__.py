"""Evidence of the past in a metrics store: removed objects, and values that changed unobserved."""
