{{- define "babblefish.operator.env" -}}
- name: BABBLEFISH_OPERATOR_LOG_LEVEL
  value: {{ .Values.logLevel }}
- name: BABBLEFISH_OPERATOR_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- end }}
