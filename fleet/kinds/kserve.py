"""KServe's InferenceService and LLMInferenceService (serving.kserve.io), which create workloads of other kinds."""

from __future__ import annotations

from fleet.kinds.kind import WorkloadKind

INFERENCE_SERVICE = WorkloadKind(
    kind="InferenceService",
    group="serving.kserve.io",
    version="v1beta1",
    plural="inferenceservices",
    short=("isvc",),
    parts=("predictor", "transformer", "explainer"),
    replicas_at="spec.{part}.minReplicas and maxReplicas",
    template_at="spec.{part}",
)
LLM_INFERENCE_SERVICE = WorkloadKind(
    kind="LLMInferenceService",
    group="serving.kserve.io",
    version="v1alpha1",
    plural="llminferenceservices",
    short=("llmisvc",),
    replicas_at="spec.replicas",
    template_at="spec.template",
)
