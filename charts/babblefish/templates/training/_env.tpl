{{- define "babblefish.training.env" -}}
{{ include "babblefish.commonEnv" (dict "root" . "part" "training") }}
- name: BABBLEFISH_SPEAKER
  value: http://{{ include "babblefish.partname" (dict "root" . "part" "speaker") }}:9001
- name: BABBLEFISH_DEVICE
  value: cpu
- name: BABBLEFISH_MODELS_DIR
  value: /models
{{- end }}
