"""What a goal is credited to, read off all messages of a customer."""

from collections.abc import Collection, Sequence


def late_credit(messages: Sequence[tuple[int, str, str]], reached: Collection[str], within: int, time: int) -> str:
    """What a goal of that time is credited to, however late it comes: the newest message before it, of any run; or "".

    `messages`: (moment, outreach, run), in the order in which they were made. `reached`: runs that have reached theirs.
    """
    before = [message for message in messages if message[0] <= time]
    newest = max((moment for moment, _, _ in before), default=time - within)
    moment, outreach, run = next((one for one in reversed(before) if one[0] == newest), (newest, "", ""))
    return outreach if time - moment < within and run not in reached else ""
