{{/* Its values, on laptops and nowhere else. A laptop that sleeps keeps its pod: DaemonSets see to that. */}}
{{- define "babblefish.cloner.where" -}}
{{- $label := dict "babblefish.io/accelerator" "f5" -}}
{{- $taint := dict "key" "babblefish.io/accelerator" "value" "f5" "effect" "NoSchedule" -}}
{{- $own := dict "nodeSelector" $label "tolerations" (prepend .Values.cloner.tolerations $taint) -}}
{{ merge $own .Values.cloner | toYaml }}
{{- end }}
