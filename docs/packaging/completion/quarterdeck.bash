# Completion of quarterdeck and qd in bash; share/bash-completion/completions/quarterdeck of the wheel.
eval "$(quarterdeck completion bash)"
