"""The vLLM servers of this machine, as they are: what was started, how far it is, what it uses. Changes nothing."""
