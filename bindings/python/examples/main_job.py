"""The whole job: a token, its exchange at Norwegian Customs, and a call with the result.

    python main_job.py settings.json

settings.json is written by `maskinporten sandbox --out DIR`, or by hand for
Maskinporten's test environment. Prints one line of JSON and no secret.
"""

import json
import sys
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

from maskinporten import Client, Customs, Environment, Key, RequestRejected


def main(path: str) -> int:
    """Do the job and return the exit code."""
    settings = json.loads(Path(path).read_text("utf-8"))
    environment = Environment(
        issuer=settings["issuer"],
        token_endpoint=settings["token_endpoint"],
        customs_token_endpoint=settings["customs_token_endpoint"],
        customs_test_auth=settings["customs_test_auth"],
        allow_loopback_http=settings["issuer"].startswith("http://"),
    )
    key = Key.pem(settings["key_pem"], kid=settings["kid"])
    done: dict[str, object] = {
        "grant": False,
        "token": False,
        "customs": False,
        "test_auth": 0,
        "expires_in_s": 0,
    }
    try:
        with Client(environment=environment, client_id=settings["client_id"], key=key) as client:
            scope = settings["scopes"]["customs"]
            # The grant is signed here and accepted there; the answer is the token.
            done["token"] = bool(client.source(scope).token().access_token)
            done["grant"] = True
            # The same again, with the second hop. The first token comes from the cache.
            customs = client.source(scope, exchange=Customs()).token()
            done["customs"] = True
            done["expires_in_s"] = round((customs.expires_at - datetime.now(timezone.utc)).total_seconds())
            request = urllib.request.Request(settings["customs_test_auth"], headers={"Authorization": customs.header})
            with urllib.request.urlopen(request, timeout=10) as answer:
                done["test_auth"] = answer.status
    except RequestRejected as error:
        print(error, file=sys.stderr)  # says what to do, and holds no secret
    print(json.dumps(done, separators=(",", ":")))
    return 0 if done["test_auth"] == 200 else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python main_job.py settings.json")
    sys.exit(main(sys.argv[1]))
