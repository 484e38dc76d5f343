"""Starting, ending and trying vLLM servers on this machine. The one place in which a process is started."""
