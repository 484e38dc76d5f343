# Completion of quarterdeck and qd in fish; share/fish/vendor_completions.d/quarterdeck.fish of the wheel.
quarterdeck completion fish | source
