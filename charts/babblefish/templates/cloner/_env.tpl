{{- define "babblefish.cloner.env" -}}
{{ include "babblefish.commonEnv" (dict "root" . "part" "cloner") }}
- name: BABBLEFISH_PORT
  value: "9001"
- name: BABBLEFISH_ACCELERATOR_SERVER
  value: ws://{{ include "babblefish.partname" (dict "root" . "part" "gateway") }}:9000/ws/tts-accelerator
# Whoever takes a yes back is told which laptops have confirmed it.
- name: BABBLEFISH_ACCELERATOR_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
{{ include "babblefish.secretEnv" (dict "root" . "secret" "acceleratorToken") }}
- name: BABBLEFISH_DEVICE
  value: {{ .Values.cloner.device }}
- name: BABBLEFISH_MODELS_DIR
  value: /models
{{- if and (eq .Values.cloner.device "cuda") (not .Values.cloner.gpu) }}
# A device plugin would say which.
- name: NVIDIA_VISIBLE_DEVICES
  value: all
{{- end }}
{{- end }}
