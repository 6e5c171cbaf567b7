"""Told anything in any order, a register tells nobody that has it all, and forgets nobody that has not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sync_core.model.folder import Folder
from sync_core.model.registry.askers import Askers
from sync_core.model.registry.effects import CloseOlder, Effect, NotAnswering, Silent, TellByTcp, TellByUdp
from sync_core.model.registry.registration import AnyIdentity, HttpIdentity, Identity, Phase, Slave
from sync_core.model.reminder import Rhythm
from tests.support.net import LOCALHOST
from tests.support.registrations import Site, a_view

TREES = [a_view(**{name: text}) for name in "ab" for text in "12"][:3]
FOLDERS = [None, "own"]
PORTS = [1, 2]
NAMES = ["s", "t"]
CONNECTIONS = ["c", "d", "e"]
RHYTHM = Rhythm(repeat_s=30.0, warn_after_s=60.0, warn_again_s=300.0)
NUDGE_S = 45.0
MOST_GONE, MOST_BY_HTTP = 1, 1


@dataclass(slots=True)
class Known:
    """What the test itself knows of one slave."""

    connection: str | None = None
    is_jsync: bool = False
    is_reachable: bool = True
    until: float | None = None  # by HTTP
    has: Folder | None = None
    has_fetched: bool = False
    waits_for_change: bool = False  # a part was given, and the rest can't be read
    spoke_at: float = 0.0  # when silence began to count
    told_at: list[float] = field(default_factory=list)  # that it lacks something
    nudged_at: float = 0.0
    is_view_changed: bool = False  # since it was told


class Story(RuleBasedStateMachine):
    """A register beside a plain account of who has what."""

    @initialize()
    def begin(self) -> None:
        self.site = Site(rhythm=RHYTHM, nudge_s=NUDGE_S, most_gone=MOST_GONE, askers=Askers(most=MOST_BY_HTTP))
        self.site.change(all=TREES[0])
        self.known: dict[AnyIdentity, Known] = {}
        self.is_drained = True

    def _view(self, slave: Slave) -> Folder | None:
        return self.site.view_of(self.site.folders.get(slave.tcp_port))

    def _left(self, connection: str) -> None:
        for known in self.known.values():
            if known.connection == connection:
                known.connection = None

    def _forget_who_is_forgotten(self) -> None:
        there = {slave.identity for slave in self.site.register}
        gone = [identity for identity in self.known if identity not in there]
        assert not any(self.known[identity].connection for identity in gone)
        self.known = {identity: known for identity, known in self.known.items() if identity in there}

    @rule(
        port=st.sampled_from(PORTS),
        connection=st.sampled_from(CONNECTIONS),
        is_jsync=st.booleans(),
        udp_port=st.sampled_from([0, 5000]),
        is_logoff=st.sampled_from([False] * 7 + [True]),
    )
    def register(self, port: int, connection: str, is_jsync: bool, udp_port: int, is_logoff: bool) -> None:
        identity = Identity(LOCALHOST, port)
        before = self.known.get(identity, Known()).connection
        said: dict[str, Any] = {"is_jsync": is_jsync, "udp_port": udp_port, "is_logoff": is_logoff}
        effects = self.site.add(port, connection, **said)
        is_older = before is not None and before != connection
        assert effects == ((CloseOlder(identity, before, connection),) if is_older else ())
        self._left(connection)
        acting = None if is_logoff else connection
        self.known[identity] = Known(connection=acting, is_jsync=is_jsync, spoke_at=self.site.now)
        self._forget_who_is_forgotten()

    @rule(name=st.sampled_from(NAMES), udp_port=st.sampled_from([0, 5000]), active_s=st.sampled_from([2.0, 100.0]))
    def ask_by_http(self, name: str, udp_port: int, active_s: float) -> None:
        slave = self.site.add_by_http(name, udp_port=udp_port, active_s=active_s)
        known = self.known.setdefault(slave.identity, Known(is_jsync=True))
        known.is_reachable = udp_port != 0
        known.until = self.site.now + active_s
        self._forget_who_is_forgotten()

    @rule(connection=st.sampled_from(CONNECTIONS))
    def end(self, connection: str) -> None:
        self.site.register.ended(connection, wall=self.site.now)
        self._left(connection)

    @rule(
        data=st.data(),
        tree=st.sampled_from([None, None, None, *TREES]),
        part=st.sampled_from(["", "", "", "more", "unread"]),
        is_news=st.booleans(),
    )
    def fetch(self, data: st.DataObject, tree: Folder | None, part: str, is_news: bool) -> None:
        """Somebody is given its newest view, or an older one that took long to answer; somebody has left meanwhile."""
        slave = self._somebody(data)
        if slave is None or (tree is None and self._view(slave) is None):
            return
        given = tree if tree is not None else self._view(slave)
        assert given is not None
        self.site.fetch(slave, given, is_news=is_news, is_whole=not part, has_more=part == "more")
        known = self.known[slave.identity]
        if slave.is_active:
            view = self._view(slave)
            known.has_fetched, known.has = True, None if part else given
            known.waits_for_change = part == "unread" and (view is None or view == given)
            known.spoke_at, known.told_at = self.site.now, []

    @rule(data=st.data(), tree=st.sampled_from([None, *TREES]))
    def confirm(self, data: st.DataObject, tree: Folder | None) -> None:
        slave = self._somebody(data)
        if slave is None or not slave.is_active or not slave.is_connected:
            return
        self.site.register.confirmed(slave, slave.connection, has=tree, now=self.site.now, wall=self.site.now)
        known = self.known[slave.identity]
        known.has_fetched, known.has, known.waits_for_change = True, tree, False
        view = self._view(slave)
        lacks = tree is None or (view is not None and tree != view)
        known.spoke_at, known.told_at = self.site.now, [self.site.now] if lacks else []  # it asks by itself for that

    def _somebody(self, data: st.DataObject) -> Slave | None:
        slaves = list(self.site.register)
        return data.draw(st.sampled_from(slaves)) if slaves else None

    @rule(folder=st.sampled_from(FOLDERS), tree=st.sampled_from([None, *TREES]))
    def change_view(self, folder: str | None, tree: Folder | None) -> None:
        self.site.views[folder] = tree
        self.site.change()
        self._all_may_be_behind()

    @rule(port=st.sampled_from(PORTS), folder=st.sampled_from(FOLDERS))
    def change_folder(self, port: int, folder: str | None) -> None:
        self.site.folders[port] = folder  # type: ignore[assignment]
        self.site.register.folders_changed()
        self._all_may_be_behind()

    def _all_may_be_behind(self) -> None:
        self.is_drained = False
        for known in self.known.values():
            known.waits_for_change = False
            known.is_view_changed = True

    @rule(most=st.integers(1, 3))
    def do_a_little(self, most: int) -> None:
        step = self.site.register.advance(now=self.site.now, wall=self.site.now, most=most)
        self._take(step.effects)
        self.is_drained = self.is_drained or not step.has_more

    @rule()
    def do_all(self) -> None:
        self._take(self.site.drain(most=2))
        self.is_drained = True
        self._check_nobody_is_forgotten()

    @rule(seconds=st.sampled_from([0.5, 1.0, 29.0, 30.0, 31.0, 61.0, 400.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.site.now += seconds

    def _take(self, effects: tuple[Effect, ...] | list[Effect]) -> None:
        told: dict[Slave, None] = {}
        for effect in effects:
            assert not isinstance(effect, CloseOlder)
            known = self.known[effect.slave.identity]
            match effect:
                case TellByUdp() | TellByTcp():
                    self._check_told(effect, known)
                    told[effect.slave] = None
                case NotAnswering():
                    assert effect.slave.unanswered is not None
                    assert self.site.now - known.spoke_at >= RHYTHM.warn_after_s
                case Silent():
                    assert known.until is not None
                    assert known.until <= self.site.now
                    known.until, known.has, known.has_fetched = None, None, False
                case _:
                    raise AssertionError(effect)
        for slave in told:
            known = self.known[slave.identity]
            if self._has_all(slave, known):
                known.nudged_at = self.site.now
                continue
            if known.told_at and not known.is_view_changed:
                assert self.site.now - known.told_at[-1] >= RHYTHM.repeat_s
            known.told_at.append(self.site.now)
            known.is_view_changed = False

    def _has_all(self, slave: Slave, known: Known) -> bool:
        return known.has_fetched and known.has is not None and known.has == self._view(slave)

    def _check_told(self, effect: TellByUdp | TellByTcp, known: Known) -> None:
        """Nobody is told that left, has no such way, or has it all (a JobScheduler is nudged, which is no news)."""
        slave = effect.slave
        assert slave.is_active
        assert isinstance(effect, TellByTcp) or slave.registration.udp_port
        assert isinstance(effect, TellByUdp) or slave.tcp_port is not None
        is_nudge = not known.is_jsync and self.site.now - max(known.spoke_at, known.nudged_at) >= NUDGE_S
        assert is_nudge or not self._has_all(slave, known)

    def _check_nobody_is_forgotten(self) -> None:
        for identity, known in self.known.items():
            slave = self.site.register.get(identity)
            assert slave is not None
            view = self._view(slave)
            if not slave.is_active or not known.is_reachable or known.waits_for_change:
                continue
            if known.has_fetched and view is not None and (known.has is None or known.has != view):
                assert known.told_at, (slave, known)
                assert self.site.now - known.told_at[-1] < RHYTHM.repeat_s
            elif not known.has_fetched and isinstance(identity, Identity):
                assert self.site.now - max([known.spoke_at, *known.told_at]) < RHYTHM.repeat_s

    @invariant()
    def one_connection_acts_for_one_slave_and_back(self) -> None:
        for connection in CONNECTIONS:
            acting = [identity for identity, known in self.known.items() if known.connection == connection]
            slave = self.site.register.of(connection)
            assert ([slave.identity] if slave is not None else []) == acting
        for slave in self.site.register:
            assert slave.connection == self.known[slave.identity].connection
            assert (slave.phase is Phase.AWAY) == (not slave.is_active)

    @invariant()
    def what_is_kept_is_bounded(self) -> None:
        register = self.site.register
        slaves = list(register)
        assert sum(not slave.is_active for slave in slaves) <= MOST_GONE + len(CONNECTIONS) + MOST_BY_HTTP
        assert sum(isinstance(slave.identity, HttpIdentity) for slave in slaves) <= MOST_BY_HTTP
        assert register._unjudged.keys() <= {slave for slave in slaves if slave.is_active and slave.has_fetched}
        assert register._gone.keys() == {slave for slave in slaves if not slave.is_active}
        assert all(slave.given is slave.offered is None for slave in slaves if not slave.is_active)
        assert len(register._deadlines) <= len(slaves)
        assert len(register._silences) <= MOST_BY_HTTP
        assert set(register._by_connection) <= set(CONNECTIONS)


Story.TestCase.settings = settings(max_examples=300, stateful_step_count=60, deadline=None)
TestStory = Story.TestCase
