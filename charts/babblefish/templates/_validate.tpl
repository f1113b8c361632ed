{{/* What the schema cannot see, or is silent about with --skip-schema-validation. */}}
{{- define "babblefish.validate" -}}
{{- range $name := include "babblefish.parts" . | fromJsonArray -}}
{{- $part := index $.Values $name -}}
{{- if and $part.pinned (ne (float64 $part.cpu) (floor $part.cpu)) -}}
{{- fail (printf "%s.cpu is %v, but pinned cores are whole ones: round it, or set %s.pinned=false." $name $part.cpu $name) -}}
{{- end -}}
{{- end -}}
{{- with .Values.models -}}
{{- if and .existingClaim .hostPath -}}
{{- fail "models.existingClaim and models.hostPath are both set: models are in one place." -}}
{{- end -}}
{{- if and (eq $.Values.profile "full") (not (or .existingClaim .hostPath)) -}}
{{- fail "profile full needs models: set models.existingClaim or models.hostPath, as in values-full.yaml." -}}
{{- end -}}
{{- end -}}
{{- if and .Values.cloner.enabled (ne .Values.profile "full") -}}
{{- fail "cloner.enabled needs profile full: whose voice it is, the speaker stage knows." -}}
{{- end -}}
{{- if .Values.training.voice -}}
{{- if ne .Values.profile "full" -}}
{{- fail "training.voice needs profile full: only it has models that learn a voice, and a speaker stage that judges it." -}}
{{- end -}}
{{- if not .Values.gateway.existingClaim -}}
{{- fail "training.voice needs gateway.existingClaim: what there is to learn from is in that claim, or in nobody's reach." -}}
{{- end -}}
{{- end -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" (include "babblefish.fullname" .)) -}}
{{- fail "Names of Services are letters, digits and dashes, a letter first: set fullnameOverride, or name the release so." -}}
{{- end -}}
{{- range $pair := list (list "joinToken" "adminToken" "read /sessions") (list "joinToken" "sessionKey" "open sessions") (list "adminToken" "sessionKey" "open sessions") (list "joinToken" "acceleratorToken" "answer as a laptop") (list "adminToken" "acceleratorToken" "read /sessions") (list "acceleratorToken" "sessionKey" "open sessions") -}}
{{- $first := index $.Values (index $pair 0) -}}
{{- if and $first.existingSecret (eq (toJson $first) (toJson (index $.Values (index $pair 1)))) -}}
{{- fail (printf "%s and %s are the same Secret and key: who has the one could %s." (index $pair 0) (index $pair 1) (index $pair 2)) -}}
{{- end -}}
{{- end -}}
{{- with .Values.ingress -}}
{{- if and .tls.secretName (not .tls.enabled) -}}
{{- fail "ingress.tls.secretName is set, but ingress.tls.enabled is false." -}}
{{- end -}}
{{- range $name, $_ := .annotations -}}
{{- if and (hasPrefix "cert-manager.io/" $name) (not (and $.Values.ingress.tls.secretName $.Values.ingress.host)) -}}
{{- fail "cert-manager needs ingress.host and ingress.tls.secretName: what it signs, and where it puts it." -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
