"""A bad value is refused, and the message names the field."""

import pytest

from tests.charts import helm


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("gatway={}", "gatway"),
        ("gateway.cpus=8", "cpus"),
        ("gateway.cpu=7.5", "/gateway/cpu"),
        ('translator.cpu="7.5"', "/translator/cpu"),
        ("gateway.cpu=0", "/gateway/cpu"),
        ('operator.cpu="100m"', "/operator/cpu"),
        ("gateway.cpu=null", "'cpu'"),
        ('gateway.pinned="yes"', "/gateway/pinned"),
        ("gateway.memory=1024", "/gateway/memory"),
        ('gateway.memory="1G"', "/gateway/memory"),
        ("gateway.replicas=2", "replicas"),
        ("synthesizer.replicas=-1", "/synthesizer/replicas"),
        ("synthesizer.replicas=1.5", "/synthesizer/replicas"),
        ('profile="fast"', "/profile"),
        ('logLevel="loud"', "/logLevel"),
        ("image.tag=1.10", "/image/tag"),
        ('image.pullPolicy="Sometimes"', "/image/pullPolicy"),
        ('gateway.image.digest="sha256:1"', "/gateway/image/digest"),
        ('gateway.image.repository="A B"', "/gateway/image/repository"),
        ('gateway.extraEnv=[{"value": "1"}]', "/gateway/extraEnv/0"),
        ('gateway.podAnnotations={"a": 1}', "/gateway/podAnnotations/a"),
        ('commonLabels=["a"]', "/commonLabels"),
        ('imagePullSecrets=["a"]', "/imagePullSecrets/0"),
        ('joinToken.existingSecret="No Name"', "/joinToken/existingSecret"),
        ('joinToken.token="secret"', "token"),
        ('sessionKey.existingSecret="No Name"', "/sessionKey/existingSecret"),
        ('crds.install="yes"', "/crds/install"),
        ("crds.install=null", "'install'"),
        ('acceleratorToken.existingSecret="No Name"', "/acceleratorToken/existingSecret"),
        ('cloner.device="gpu"', "/cloner/device"),
        ("cloner.gpu=1", "/cloner/gpu"),
        ('cloner.runtimeClassName="N V"', "/cloner/runtimeClassName"),
        ('cloner.models.hostPath="models"', "/cloner/models/hostPath"),
        ('training.voice="--help"', "/training/voice"),
        ('training.voice="a b"', "/training/voice"),
        ('training.voice="../samples"', "/training/voice"),
        ('training.voice="$(BABBLEFISH_SPEAKER)"', "/training/voice"),
        ('training.voice="a\\nargs: [serve]"', "/training/voice"),
        (f'training.voice="{"a" * 65}"', "/training/voice"),
        ("training.voice=7", "/training/voice"),
        ('training.full="yes"', "/training/full"),
        ('operator.publicUrl="talk.example.org"', "/operator/publicUrl"),
        ('operator.publicUrl="https://talk.example.org/?"', "/operator/publicUrl"),
        ("operator.quietSeconds=-1", "/operator/quietSeconds"),
        ("operator.headroom=0.5", "/operator/headroom"),
        ("monitoring.dashboard.enabled=1", "/monitoring/dashboard/enabled"),
        ('ingress.host="192.168.1.10"', "/ingress/host"),
        ('ingress.host="https://talk.example.org"', "/ingress/host"),
        ('ingress.tls.enabled="true"', "/ingress/tls/enabled"),
        ("networkPolicy.metricsFrom=[{}]", "/networkPolicy/metricsFrom/0"),
        ('tests.connect="ingress"', "/tests/connect"),
        ('fullnameOverride="Babble_Fish"', "/fullnameOverride"),
    ],
)
def test_it_is_refused(value: str, field: str) -> None:
    with pytest.raises(helm.Refused, match=rf"schema(.|\n)*{field}"):
        helm.render(sets=(value,))


@pytest.mark.parametrize("value", ["gateway.cpu=4", 'gateway.cpu="4"', 'global={"any": "thing"}'])
def test_it_is_taken(value: str) -> None:
    assert helm.render(sets=(value,))
