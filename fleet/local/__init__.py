"""The vLLM servers of this machine: which were started, how far each is, what it uses. Changes nothing."""
