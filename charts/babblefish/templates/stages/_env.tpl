{{- define "babblefish.stage.env" -}}
{{ include "babblefish.commonEnv" . }}
- name: BABBLEFISH_PORT
  value: "9001"
{{- if include "babblefish.stage.models" .root }}
- name: BABBLEFISH_MODELS_DIR
  value: /models
{{- end }}
{{- end }}
