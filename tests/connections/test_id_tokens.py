"""ID tokens: only what this provider signed for this attempt counts, whatever the token says of itself."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from connections.providers import id_tokens
from connections.providers.base import Unreachable, Unreadable
from connections.providers.http import ProviderSession
from connections.providers.id_tokens import InvalidIdToken, validated

AUDIENCE, NONCE = "the portal", "a nonce of this attempt"
OURS, OTHERS = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))


def public(key: rsa.RSAPrivateKey, key_id: str) -> dict:
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    return {**jwk, "kid": key_id, "use": "sig", "alg": "RS256"}


class KeyServer:
    """Publishes a key set as a provider does, and counts how often it is asked."""

    def __init__(self):
        self.status, self.body, self.asked = 200, json.dumps({"keys": [public(OURS, "k1")]}), 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                body = outer.body.encode()
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                """Silence."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/keys"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def keys():
    server = KeyServer()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def calls_keep_to_the_contracts():
    """This provider is our own: no contract speaks of it."""


def claims(**changed) -> dict:
    now = int(time.time())
    whole = {
        "iss": "https://issuer.example",
        "aud": AUDIENCE,
        "sub": "42",
        "iat": now,
        "exp": now + 600,
        "nonce": NONCE,
        **changed,
    }
    return {name: value for name, value in whole.items() if value is not None}


def token(*, key=OURS, key_id: str | None = "k1", algorithm: str = "RS256", **changed) -> str:
    headers = {"kid": key_id} if key_id is not None else {}
    return jwt.encode(claims(**changed), key, algorithm=algorithm, headers=headers)


def look(keys: KeyServer, text: str, *, nonce: str = NONCE) -> dict:
    return validated(text, keys_url=keys.url, audience=AUDIENCE, nonce=nonce, session=ProviderSession())


def test_a_good_token_gives_its_claims(keys):
    assert look(keys, token())["sub"] == "42"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"aud": "another client"}, "InvalidAudienceError"),
        ({"aud": ["another client"]}, "InvalidAudienceError"),
        ({"aud": None}, "MissingRequiredClaimError"),
        ({"exp": int(time.time()) - 300}, "ExpiredSignatureError"),
        ({"exp": None}, "MissingRequiredClaimError"),
        ({"iat": int(time.time()) + 86_400}, "ImmatureSignatureError"),
        ({"nbf": int(time.time()) + 86_400}, "ImmatureSignatureError"),
        ({"iat": None}, "MissingRequiredClaimError"),
        ({"iss": None}, "MissingRequiredClaimError"),
        ({"sub": None}, "MissingRequiredClaimError"),
        ({"nonce": "of another attempt"}, "nonce"),
        ({"nonce": None}, "nonce"),
    ],
)
def test_a_token_for_somebody_or_some_time_else_is_refused(keys, changed, why):
    with pytest.raises(InvalidIdToken) as refused:
        look(keys, token(**changed))

    assert refused.value.code == why


def test_a_little_clock_skew_is_forgiven(keys):
    assert look(keys, token(exp=int(time.time()) - 60))["sub"] == "42"


def test_a_token_without_nonce_does_not_match_an_attempt_without_one(keys):
    with pytest.raises(InvalidIdToken):
        look(keys, token(nonce=""), nonce="")


def test_an_unsigned_token_is_refused(keys):
    unsigned = jwt.encode(claims(), None, algorithm="none", headers={"kid": "k1"})

    with pytest.raises(InvalidIdToken):
        look(keys, unsigned)


def test_the_public_key_is_no_password(keys):
    """HS256 with the published key as secret: the classic confusion. Made by hand: the library refuses to."""
    pem = OURS.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    hmac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    parts = [{"alg": "HS256", "typ": "JWT", "kid": "k1"}, claims()]
    signed = b".".join(jwt.utils.base64url_encode(json.dumps(part).encode()) for part in parts)
    forged = (signed + b"." + jwt.utils.base64url_encode(hmac.sign(signed, pem))).decode()

    with pytest.raises(InvalidIdToken) as refused:
        look(keys, forged)

    assert refused.value.code == "InvalidAlgorithmError"


@pytest.mark.parametrize("algorithm", ["RS512", "PS256"])
def test_only_the_agreed_algorithm_counts_even_with_the_right_key(keys, algorithm):
    with pytest.raises(InvalidIdToken):
        look(keys, token(algorithm=algorithm))


def test_another_key_under_a_known_name_is_refused(keys):
    with pytest.raises(InvalidIdToken) as refused:
        look(keys, token(key=OTHERS))

    assert refused.value.code == "InvalidSignatureError"


@pytest.mark.parametrize("key_id", ["k2", "", None])
def test_a_key_nobody_published_is_refused_after_one_more_look(keys, key_id):
    with pytest.raises(InvalidIdToken):
        look(keys, token(key=OTHERS, key_id=key_id))

    assert keys.asked <= 2


def test_a_key_that_is_new_is_looked_up_once_more(keys):
    look(keys, token())
    keys.body = json.dumps({"keys": [public(OURS, "k1"), public(OTHERS, "k2")]})

    assert look(keys, token(key=OTHERS, key_id="k2"))["sub"] == "42"
    assert keys.asked == 2


def test_known_keys_are_not_fetched_for_every_token(keys):
    for _ in range(5):
        look(keys, token())

    assert keys.asked == 1


def test_a_token_cannot_bring_its_own_key(keys):
    headers = {"kid": "k1", "jwk": public(OTHERS, "k1"), "jku": "http://127.0.0.1:1/keys"}
    text = jwt.encode(claims(), OTHERS, algorithm="RS256", headers=headers)

    with pytest.raises(InvalidIdToken):
        look(keys, text)


@pytest.mark.parametrize("text", ["", "a.b.c", "not a token", "é", "eyJhbGciOiJSUzI1NiJ9..", "." * 5000])
def test_nonsense_is_refused(keys, text):
    with pytest.raises(InvalidIdToken):
        look(keys, text)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, "<html>", Unreadable),
        (200, "[]", Unreadable),
        (200, '{"keys": []}', Unreadable),
        (200, '{"keys": [{"kty": "nonsense"}]}', Unreadable),
        (200, '{"keys": 5}', Unreadable),
        (200, "{}", Unreadable),
        (503, '{"error": "down"}', (Unreachable, Unreadable)),
    ],
)
def test_keys_that_cannot_be_read_are_an_error_of_the_provider(keys, status, body, error):
    keys.status, keys.body = status, body

    with pytest.raises(error):
        look(keys, token())


def test_a_provider_that_does_not_answer_is_unreachable(keys):
    keys.stop()

    with pytest.raises(Unreachable):
        look(keys, token())


@pytest.fixture(autouse=True)
def forgotten_keys():
    """Each test begins without remembered keys: ports come again."""
    id_tokens._key_sets.clear()
