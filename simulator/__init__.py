"""A simulated LLM serving fleet that speaks the Kubernetes API and the engines' HTTP on loopback.

Read it from the inside out, in about an hour:

1. `request`, `engine`, `stats`: one vLLM engine and what it counts; `traffic`: who asks, and the router
2. `exposition`, `engine_server`: what an engine says over HTTP, after the pages in `data`
3. `gpu`, `dcgm`: what its work does to GPUs, and how that is exported
4. `blueprint`: which nodes, models and workloads there are (`data/fleet.toml`)
5. `store`: Kubernetes objects with their history; `objects`, `owners`: what they look like (`data/manifests.yaml`);
   `inventory`: those that a fleet starts with; `templates`, `selection`, `defaults`: how they are read and completed;
   `writes`: how controllers change them
6. `pods`, `kubelet`, `logs`: a pod's life; `pod_objects`: how the API shows it; `machines`, `nodes`: what it runs on;
   `cluster`, `owned_pods`, `events`: all of them, and what is told of them; `scheduler`: who goes where;
   `controllers`: what makes the pods that an object asks for, and what follows from pods
7. `levers`, `scenarios`: what goes wrong, and when
8. `world`: all of it, one tick at a time; `clock`, `interfaces`: what the servers know of it
9. `api`: the Kubernetes API over the store, the pods' own servers, and the files that lead to them
10. `serve`, `__main__`: the program

Up to `world` everything is synchronous, keeps its own time and is the same for the same seed. What real servers
write word for word, and the fleet itself, are files in `data`.
"""
