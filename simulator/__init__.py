"""A simulated LLM serving fleet that speaks the Kubernetes API and the engines' HTTP on loopback.

Read it from the inside out:

- `engine` (with `stats`): one vLLM engine
- `exposition`, `engine_server`: what it says over HTTP, after the pages in `data`
- `gpu`, `dcgm`: what its work does to GPUs, and how that is exported
- `traffic`: the requests, and the router
- `blueprint`: which nodes, models and workloads there are
- `objects`, `workloads`: Kubernetes objects; `pods`, `logs`, `kubelet`: a pod's life; `cluster`: nodes, the scheduler
  and events; `controllers`: Deployments and StatefulSets; `autoscaler`
- `levers`, `scenarios`: what goes wrong, and when
- `world`: all of it, one tick at a time
- `interfaces`: what the world and the servers in `api` and `serve` know of each other

Everything below `world` is synchronous, keeps its own time and is the same for the same seed.
"""
