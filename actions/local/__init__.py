"""Starting, ending and trying vLLM nodes on this machine. The one place in which a process is started."""
