"""A simulated LLM serving fleet that speaks the Kubernetes API and the engines' HTTP on loopback.

Read it from the inside out, in about an hour:

1. `request`, `engine`, `stats`: one vLLM engine and its counters; `traffic`: arriving requests, and the router
2. `exposition`, `engine_server`: an engine's HTTP answers, modelled on the pages in `data`
3. `gpu`, `dcgm`: the effect of its work on GPUs, and their exporter
4. `blueprint`: which nodes, models and workloads there are (`data/fleet.toml`)
5. `store`: Kubernetes objects with their history; `objects`, `owners`: their contents (`data/manifests.yaml`);
   `inventory`: the initial objects of a fleet; `templates`, `selection`, `defaults`: how they are read and completed;
   `writes`: how controllers change them
6. `pods`, `kubelet`, `logs`: a pod's life; `pod_objects`: how the API shows it; `machines`, `nodes`: its nodes;
   `cluster`, `owned_pods`, `events`: all of them, and their events; `scheduler`: placement;
   `controllers`: creation of the pods that an object requests, and other effects of pods
7. `levers`, `scenarios`: the incidents, and their times
8. `world`: all of it, one tick at a time; `clock`, `interfaces`: the servers' view of it
9. `api`: the Kubernetes API over the store, the pods' own servers, and the files that lead to them
10. `serve`, `__main__`: the program

Up to `world` everything is synchronous, keeps its own time and is the same for the same seed. What real servers
write word for word, and the fleet itself, are files in `data`.
"""
