"""The vLLM servers on this machine: which were started, the progress of each, their resources. Changes nothing."""
