{{/* Where models are, as a volume has it; nothing where none are named. */}}
{{- define "babblefish.stage.models" -}}
{{- with .Values.models.existingClaim -}}
persistentVolumeClaim:
  claimName: {{ . }}
  readOnly: true
{{- end -}}
{{- with .Values.models.hostPath -}}
hostPath:
  path: {{ . }}
  type: Directory
{{- end -}}
{{- end }}

{{- define "babblefish.stage.mounts" -}}
{{ include "babblefish.mounts" .root }}
{{- if include "babblefish.stage.models" .root }}
  - name: models
    mountPath: /models
    readOnly: true
{{- end }}
{{- with (index .root.Values .part).extraVolumeMounts }}
{{ toYaml . | indent 2 }}
{{- end }}
{{- end }}

{{/* `.claim`, if there is one, keeps the data. */}}
{{- define "babblefish.stage.volumes" -}}
{{ include "babblefish.volumes" (dict "claim" .claim) }}
{{- with include "babblefish.stage.models" .root }}
  - name: models
    {{- . | nindent 4 }}
{{- end }}
{{- with (index .root.Values .part).extraVolumes }}
{{ toYaml . | indent 2 }}
{{- end }}
{{- end }}
