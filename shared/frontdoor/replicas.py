"""What the replicas of the services tell one another through Redis: counts, and that something has changed.

Nothing is decided by Redis and nobody waits for it: a thread hands counts over and brings back what others counted, a
few times a second. While Redis is absent, away, slow or full, each process goes by its own counts and looks at its own
tables now and then. What stands in Redis names nobody: keys are HMACs, bells are services.
"""

import hmac
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

log = structlog.get_logger()
GATHER = 0.1
"""Seconds for which counts and bells are gathered before they are handed over."""
PATIENCE = 0.5
"""Seconds within which Redis must answer; afterwards it is away."""
TRY_AGAIN = 1.0
"""Seconds before Redis is tried again that was away."""
LOOK = 5.0
"""Seconds after which Redis is asked whether it is there, though there is nothing to hand over."""
MOST_SUBJECTS = 20_000
"""Subjects counted at a time; beyond that, counting begins anew: memory is bounded, whoever comes."""
SLACK = 2.0
"""Seconds by which a window here and the same one in Redis may end apart."""
BELLS = "front-door:bells"


@dataclass(frozen=True)
class Limit:
    """At most so many in so many seconds."""

    name: str
    most: int
    seconds: float


class _Window:
    """What one subject has done since the window began, here (`own`, `sent` of it told) and elsewhere."""

    __slots__ = ("elsewhere", "ends", "limit", "own", "sent")

    def __init__(self, limit: Limit, now: float) -> None:
        self.limit, self.ends = limit, now + limit.seconds
        self.own = self.sent = self.elsewhere = 0

    def wait(self, more: int = 0) -> float:
        """Give the seconds to wait where `more` would be too many, 0 where not."""
        if self.own + self.elsewhere + more <= self.limit.most:
            return 0.0
        return max(self.ends - time.monotonic(), 1.0)


class Replicas:
    """This process among the replicas; without a URL it is alone, and everything works the same."""

    def __init__(self, url: str | None = None, secret: bytes = b"") -> None:
        self._url, self._secret = url, secret
        self._windows: dict[tuple[str, str], _Window] = {}
        self._untold: dict[tuple[str, str], _Window] = {}
        self._rung: set[str] = set()
        self._listeners: dict[str, list[Callable[[], None]]] = {}
        self._something = threading.Event()
        self._guard = threading.Lock()
        self._is_running = False
        self._is_there = False
        self._name = uuid4().hex

    @property
    def state(self) -> Literal["absent", "ok", "away"]:
        """Say how Redis does: absent where none is meant to be there."""
        if self._url is None:
            return "absent"
        self._run()
        return "ok" if self._is_there else "away"

    # --- counting ---

    def take(self, limit: Limit, subject: str) -> float:
        """Count one more; give the seconds to wait where that is too many, 0 where it is not."""
        window = self._window(limit, subject)
        window.own += 1
        if self._url is not None:
            self._untold[limit.name, subject] = window
            self._wake()
        return window.wait()

    def full(self, limit: Limit, subject: str) -> float:
        """Give the seconds to wait where one more would be too many, 0 where it would not; count nothing."""
        return self._window(limit, subject).wait(1)

    def _window(self, limit: Limit, subject: str) -> _Window:
        now = time.monotonic()
        window = self._windows.get((limit.name, subject))
        if window is None or window.ends <= now:
            if len(self._windows) >= MOST_SUBJECTS:
                self._make_room(now)
            window = self._windows[limit.name, subject] = _Window(limit, now)
        return window

    def _make_room(self, now: float) -> None:
        running = {key: window for key, window in list(self._windows.items()) if window.ends > now}
        self._windows = running if len(running) < MOST_SUBJECTS // 2 else {}

    # --- bells ---

    def ring(self, bell: str) -> None:
        """Tell the other replicas that something has changed."""
        if self._url is not None:
            self._rung.add(bell)
            self._wake()

    def on_bell(self, bell: str, listener: Callable[[], None]) -> None:
        """Call `listener` when another replica rings this bell, and when a bell may have been missed."""
        self._listeners.setdefault(bell, []).append(listener)
        if self._url is not None:
            self._run()

    # --- two threads that wait for Redis, so that nobody else does ---

    def _wake(self) -> None:
        if not self._is_running:
            self._run()
        if not self._something.is_set():
            self._something.set()

    def _run(self) -> None:
        with self._guard:
            starts, self._is_running = not self._is_running, True
        if starts:
            for work in (self._tell, self._listen):
                threading.Thread(target=self._again_and_again, args=(work,), name="replicas", daemon=True).start()

    def _again_and_again(self, work: Callable[[Redis], None]) -> None:
        while True:
            try:
                with Redis.from_url(
                    self._url or "",
                    socket_timeout=PATIENCE,
                    socket_connect_timeout=PATIENCE,
                    retry=Retry(NoBackoff(), 0),
                    decode_responses=True,
                ) as redis:
                    work(redis)
            except (RedisError, OSError, ValueError) as trouble:
                if self._is_there:
                    log.warning("redis_away", error=type(trouble).__name__)
                self._gone()
            time.sleep(TRY_AGAIN)

    def _gone(self) -> None:
        self._is_there = False
        for window in list(self._windows.values()):
            window.elsewhere = 0

    def _tell(self, redis: Redis) -> None:
        redis.ping()
        while True:
            self._is_there = True
            if self._something.wait(LOOK):
                time.sleep(GATHER)
            self._something.clear()
            untold, self._untold = self._untold, {}
            rung, self._rung = self._rung, set()
            self._hand_over(redis, untold, rung)

    def _hand_over(self, redis: Redis, untold: dict[tuple[str, str], _Window], rung: set[str]) -> None:
        told = [(key, window, window.own - window.sent) for key, window in untold.items()]
        with redis.pipeline(transaction=False) as pipe:
            pipe.ping()
            for bell in rung:
                pipe.publish(BELLS, f"{self._name} {bell}")
            for subject, window, more in told:
                key = self._key(*subject)
                pipe.incrby(key, more)
                pipe.pexpire(key, int(window.limit.seconds * 1000), nx=True)
                pipe.pttl(key)
            answers: list[Any] = pipe.execute()[1 + len(rung) :]
        for number, (_, window, more) in enumerate(told):
            total, _, left = answers[3 * number : 3 * number + 3]
            _note(window, more, int(total), int(left))

    def _key(self, limit: str, subject: str) -> str:
        return "front-door:count:" + hmac.digest(self._secret, f"{limit} {subject}".encode(), "sha256").hex()[:32]

    def _listen(self, redis: Redis) -> None:
        with redis.pubsub(ignore_subscribe_messages=True) as heard:  # type: ignore[no-untyped-call]
            heard.subscribe(BELLS)
            self._call(list(self._listeners))
            asked = time.monotonic()
            while True:
                message = heard.get_message(timeout=LOOK)
                if message is None:
                    # The answer to a ping gives None too, and at once: only silence is asked about.
                    if time.monotonic() - asked >= LOOK:
                        heard.ping()
                        asked = time.monotonic()
                elif message["type"] == "message":
                    name, _, bell = str(message["data"]).partition(" ")
                    if name != self._name:
                        self._call([bell])

    def _call(self, bells: list[str]) -> None:
        for bell in bells:
            for listener in self._listeners.get(bell, ()):
                with suppress(Exception):  # what somebody makes of a bell is no reason to hear no more of them
                    listener()


def _note(window: _Window, more: int, total: int, left: int) -> None:
    """Note what all have counted: `total` in the window that Redis keeps, which ends in `left` milliseconds."""
    ends = time.monotonic() + max(left, 0) / 1000
    window.sent += more
    if total < window.sent or ends > window.ends + SLACK:  # Redis has begun a new window, or has been emptied
        window.own -= window.sent - more
        window.sent = more
    window.elsewhere = max(total - window.sent, 0)
    window.ends = ends
