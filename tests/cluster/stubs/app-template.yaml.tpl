{{- /* The workloads, volumes, Services and objects of other apps' kinds that app-template makes of these values. */}}
{{- $kinds := dict "deployment" "Deployment" "statefulset" "StatefulSet" "daemonset" "DaemonSet" "cronjob" "CronJob" }}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-values
  namespace: {{ .Release.Namespace }}
data:
  chart: {{ .Chart.Name }}-{{ .Chart.Version }}
  values.yaml: |
    {{- toYaml .Values | nindent 4 }}
{{- range $key, $controller := .Values.controllers }}
{{- $kind := get $kinds ($controller.type | default "deployment") }}
{{- $name := ternary $.Release.Name (printf "%s-%s" $.Release.Name $key) (eq (len $.Values.controllers) 1) }}
---
apiVersion: {{ ternary "batch/v1" "apps/v1" (eq $kind "CronJob") }}
kind: {{ $kind }}
metadata:
  name: {{ $name }}
  namespace: {{ $.Release.Namespace }}
spec:
  {{- $pod := include "pod" (dict "root" $ "key" $key "controller" $controller) }}
  {{- if eq $kind "CronJob" }}
  schedule: {{ $controller.cronjob.schedule | quote }}
  jobTemplate:
    spec:
      template:
        {{- $pod | nindent 8 }}
  {{- else }}
  {{- if ne $kind "DaemonSet" }}
  replicas: {{ ternary 1 $controller.replicas (eq nil $controller.replicas) }}
  {{- end }}
  {{- if eq $kind "StatefulSet" }}
  serviceName: {{ $name }}
  {{- end }}
  selector:
    matchLabels:
      app.kubernetes.io/instance: {{ $.Release.Name }}
      app.kubernetes.io/controller: {{ $key }}
  template:
    {{- $pod | nindent 4 }}
  {{- end }}
{{- end }}
{{- range $key, $service := .Values.service }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ ternary $.Release.Name (printf "%s-%s" $.Release.Name $key) (eq (len $.Values.service) 1) }}
  namespace: {{ $.Release.Namespace }}
  annotations:
    {{- toYaml ($service.annotations | default dict) | nindent 4 }}
spec:
  type: {{ $service.type | default "ClusterIP" }}
  selector:
    app.kubernetes.io/instance: {{ $.Release.Name }}
  ports:
    {{- range $name, $port := $service.ports }}
    - name: {{ $name }}
      port: {{ $port.port }}
      protocol: {{ has $port.protocol (list "UDP") | ternary "UDP" "TCP" }}
    {{- end }}
{{- end }}
{{- range $key, $claim := .Values.persistence }}
{{- if and (eq ($claim.type | default "persistentVolumeClaim") "persistentVolumeClaim") (not $claim.existingClaim) }}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ include "claim" (dict "root" $ "key" $key) }}
  namespace: {{ $.Release.Namespace }}
spec:
  accessModes:
    - {{ $claim.accessMode }}
  {{- with $claim.storageClass }}
  storageClassName: {{ . }}
  {{- end }}
  resources:
    requests:
      storage: {{ $claim.size }}
{{- end }}
{{- end }}
{{- range $key, $map := .Values.configMaps }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ ternary $.Release.Name (printf "%s-%s" $.Release.Name $key) (eq (len $.Values.configMaps) 1) }}
  namespace: {{ $.Release.Namespace }}
data:
  {{- toYaml $map.data | nindent 2 }}
{{- end }}
{{- range $key, $route := .Values.route }}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: {{ $.Release.Name }}-{{ $key }}
  namespace: {{ $.Release.Namespace }}
spec:
  parentRefs:
    {{- toYaml $route.parentRefs | nindent 4 }}
  hostnames:
    {{- toYaml $route.hostnames | nindent 4 }}
{{- end }}
{{- range $key, $ingress := .Values.ingress }}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ $.Release.Name }}-{{ $key }}
  namespace: {{ $.Release.Namespace }}
spec:
  ingressClassName: {{ $ingress.className }}
  defaultBackend:
    service:
      name: {{ $.Release.Name }}
      port:
        number: 80
{{- end }}
{{- range $key, $monitor := .Values.serviceMonitor }}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: {{ $.Release.Name }}-{{ $key }}
  namespace: {{ $.Release.Namespace }}
spec:
  selector: {}
  endpoints:
    {{- toYaml $monitor.endpoints | nindent 4 }}
{{- end }}

{{- define "claim" -}}
{{- $made := list }}
{{- range $key, $claim := .root.Values.persistence }}
{{- if and (eq ($claim.type | default "persistentVolumeClaim") "persistentVolumeClaim") (not $claim.existingClaim) }}
{{- $made = append $made $key }}
{{- end }}
{{- end }}
{{- ternary .root.Release.Name (printf "%s-%s" .root.Release.Name .key) (eq (len $made) 1) }}
{{- end }}

{{- define "pod" -}}
{{- $cron := eq (.controller.type | default "deployment") "cronjob" -}}
metadata:
  labels:
    app.kubernetes.io/instance: {{ .root.Release.Name }}
    app.kubernetes.io/controller: {{ .key }}
spec:
  {{- if $cron }}
  restartPolicy: Never
  {{- end }}
  {{- with omit (mergeOverwrite (deepCopy (.root.Values.defaultPodOptions | default dict)) (.controller.pod | default dict)) "labels" "annotations" "restartPolicy" }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  containers:
    {{- range $name, $container := .controller.containers }}
    - name: {{ $name }}
      image: {{ printf "%s:%v" $container.image.repository $container.image.tag | quote }}
      {{- with $container.securityContext }}
      securityContext:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $container.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $container.args }}
      args:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $container.envFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      env:
        {{- range $variable, $value := $container.env }}
        - name: {{ $variable }}
          {{- if kindIs "map" $value }}
          {{- toYaml $value | nindent 10 }}
          {{- else }}
          value: {{ tpl (toString $value) $.root | quote }}
          {{- end }}
        {{- end }}
    {{- end }}
  volumes:
    {{- range $key, $volume := .root.Values.persistence }}
    {{- $type := $volume.type | default "persistentVolumeClaim" }}
    - name: {{ $key }}
      {{- if eq $type "persistentVolumeClaim" }}
      persistentVolumeClaim:
        claimName: {{ $volume.existingClaim | default (include "claim" (dict "root" $.root "key" $key)) }}
      {{- else if eq $type "configMap" }}
      configMap:
        {{- if $volume.identifier }}
        name: {{ ternary $.root.Release.Name (printf "%s-%s" $.root.Release.Name $volume.identifier) (eq (len $.root.Values.configMaps) 1) }}
        {{- else }}
        name: {{ $volume.name }}
        {{- end }}
      {{- else if eq $type "secret" }}
      secret:
        secretName: {{ $volume.name }}
      {{- else if eq $type "nfs" }}
      nfs:
        server: {{ $volume.server }}
        path: {{ $volume.path }}
      {{- else if eq $type "hostPath" }}
      hostPath:
        path: {{ $volume.hostPath }}
      {{- else }}
      emptyDir: {}
      {{- end }}
    {{- end }}
{{- end }}
