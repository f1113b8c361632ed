{{/* Its values, on the gateway's node and nowhere else: a claim may be one node's. */}}
{{- define "babblefish.training.where" -}}
{{- $gateway := include "babblefish.selector" (dict "root" . "part" "gateway") | fromYaml -}}
{{- $beside := dict "labelSelector" (dict "matchLabels" $gateway) "topologyKey" "kubernetes.io/hostname" -}}
{{- $required := "requiredDuringSchedulingIgnoredDuringExecution" -}}
{{- $theirs := dig "podAffinity" $required list .Values.training.affinity -}}
{{- $own := dict "affinity" (dict "podAffinity" (dict $required (append $theirs $beside))) -}}
{{ merge $own .Values.training | toYaml }}
{{- end }}
