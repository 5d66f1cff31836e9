"""`make demo-live`: the whole chain told on the terminal, on real servers of its own, in about a minute.

With --stay it then keeps running, and shows every mail that comes, until Ctrl-C.
"""

import argparse
import shlex
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from unittest import SkipTest
from uuid import uuid4

from rich.console import Console
from rich.table import Table

from tests.services import Broker, open_broker, open_redis
from tests.support.live_shop import SERVICES, LiveShop, live_shop, read_mail, unsubscribe_link
from tests.support.live_story import Story, mail_panel

_NEEDS = """\
[bold red]There is no Kafka broker.[/] This needs one of:
  - Docker or Podman, which fetch the image apache/kafka
  - Java 17 or newer and Maven: [bold]apt-get install default-jre-headless maven[/] on Debian and Ubuntu
  - a broker to try things on: [bold]ENGINE_TEST_KAFKA=host:port make demo-live[/]
[bold]make demo[/] needs none of them."""


class NoBroker(Exception):
    """Says what was tried."""


def main(console: Console, stay: bool) -> int:
    """The exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what it started stops with it
    try:
        with ExitStack() as stack:
            shop = _open(stack, console)
            Story(shop, console).tell()
            if stay:
                _stay(shop, console)
    except NoBroker as error:
        console.print(_NEEDS, highlight=False)
        console.print(str(error), style="dim", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print()
    console.print("[dim]Nothing of it runs any more.[/]")
    return 0


def _open(stack: ExitStack, console: Console) -> LiveShop:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="northfold-")))
    with console.status("Kafka starts (the first time it is fetched, which takes longer) …"):
        broker = _broker(folder)
        stack.callback(broker.remove)
    with console.status("Valkey and the engine start …"):
        redis = open_redis(folder / "valkey")
        stack.callback(redis.remove)
        name = f"demo-{uuid4().hex[:6]}."
        shop = stack.enter_context(live_shop(broker.address, redis.url, folder / "shop", name))
    table = Table(title="What runs", title_justify="left", show_header=False, box=None, pad_edge=False)
    table.add_row("Kafka", broker.address)
    table.add_row("Valkey", redis.url)
    table.add_row("mail catcher", f"localhost:{shop.mail.port}")
    for service, does in SERVICES.items():
        table.add_row(f"engine {service}", f"{shop.addresses[service]}/metrics", does)
    console.print(table)
    return shop


def _broker(folder: Path) -> Broker:
    try:
        return open_broker(folder)
    except (SkipTest, RuntimeError) as error:
        raise NoBroker(str(error)) from error


def _stay(shop: LiveShop, console: Console) -> None:
    """Until Ctrl-C."""
    path, engine = Path(shop.settings["ENGINE_RULES"]).with_name("shop.env"), Path(sys.executable).with_name("engine")
    path.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in shop.settings.items()))
    console.rule("It keeps running")
    console.print("Every mail that comes is shown here. In another terminal:")
    for line in (f". {path}", f"{engine} send-event purchase --customer bob --set amount=20", f"{engine} explain bob"):
        console.print(f"  {line}", style="bold", markup=False, highlight=False, soft_wrap=True)
    console.print(f"Links in mail lead to {shop.url} here. Ctrl-C stops everything.")
    shown = len(shop.mail.received)
    while True:
        for received in shop.mail.received[shown:]:
            mail = read_mail(received.content)
            console.print(mail_panel(mail))
            console.print(unsubscribe_link(mail), soft_wrap=True)
            shown += 1
        time.sleep(0.2)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo-live", description="The whole chain, on real servers of its own.")
    parser.add_argument("--stay", action="store_true", help="keep it running, and show every mail, until Ctrl-C")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main(Console(), _options().stay))
