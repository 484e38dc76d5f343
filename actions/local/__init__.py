"""Starting, ending and trying vLLM servers on this machine. The only place in which a process is started."""
