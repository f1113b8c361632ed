"""What cannot work is said before anything is installed, with what to do."""

import pytest

from tests.charts import helm


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (("gateway.cpu=7.5",), r"gateway\.cpu is 7\.5.*gateway\.pinned=false"),
        (('synthesizer.cpu="0.5"',), r"synthesizer\.cpu is 0\.5.*synthesizer\.pinned=false"),
        (
            ('joinToken.existingSecret="t"', 'adminToken.existingSecret="t"'),
            r"joinToken and adminToken are the same Secret and key.*read /sessions",
        ),
        (
            (
                'joinToken={"existingSecret": "t", "existingSecretKey": "k"}',
                'sessionKey={"existingSecret": "t", "existingSecretKey": "k"}',
            ),
            r"joinToken and sessionKey are the same Secret and key.*open sessions",
        ),
        (
            (
                'adminToken={"existingSecret": "t", "existingSecretKey": "k"}',
                'sessionKey={"existingSecret": "t", "existingSecretKey": "k"}',
            ),
            r"adminToken and sessionKey are the same Secret and key.*open sessions",
        ),
        (
            ('ingress.tls={"enabled": false, "secretName": "t"}',),
            r"ingress\.tls\.secretName is set, but ingress\.tls\.enabled is false",
        ),
        (
            ('ingress.annotations={"cert-manager.io/issuer": "i"}', 'ingress.host="a.b"'),
            r"cert-manager needs ingress\.host and ingress\.tls\.secretName",
        ),
        (
            ('ingress.annotations={"cert-manager.io/issuer": "i"}', 'ingress.tls.secretName="t"'),
            r"cert-manager needs ingress\.host and ingress\.tls\.secretName",
        ),
        (
            (
                'joinToken={"existingSecret": "t", "existingSecretKey": "k"}',
                'acceleratorToken={"existingSecret": "t", "existingSecretKey": "k"}',
            ),
            r"joinToken and acceleratorToken are the same Secret and key.*answer as a laptop",
        ),
        (("cloner.enabled=true",), r"cloner\.enabled needs profile full"),
        (
            ('training.voice="v"', 'gateway.existingClaim="c"'),
            r"training\.voice needs profile full",
        ),
        (
            ('training.voice="v"', 'profile="full"', 'models.hostPath="/models"'),
            r"training\.voice needs gateway\.existingClaim",
        ),
        (('profile="full"',), r"profile full needs models.*values-full\.yaml"),
        (
            ('models={"hostPath": "/models", "existingClaim": "m"}',),
            r"models\.existingClaim and models\.hostPath are both set",
        ),
    ],
)
def test_contradiction(sets: tuple[str, ...], said: str) -> None:
    with pytest.raises(helm.Refused, match=said):
        helm.render(sets=sets, schema=False)
