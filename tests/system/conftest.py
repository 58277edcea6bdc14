"""conftest: what every system test gets: servers, daemons, and a bound on its time.

In:    pytest's requests; the harness.
Out:   fixtures strict, emulator, make_daemon, daemon; the log's end on a failure.
Never: a process, a thread or a directory that outlives its test.
"""

import signal

import harness
import pytest
import strict_api

BOUND_S = 300  # for a test without a `bound` mark


def pytest_configure(config):
    config.addinivalue_line("markers", "bound(seconds): the longest that this test may take")
    config.addinivalue_line("markers", "rotates: an operator has keys rotated")
    config.addinivalue_line("markers", "allow_violations: the test violates the API on purpose")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Let fixtures know how the test went."""
    report = (yield).get_result()
    if report.when == "call":
        item.has_failed = report.failed


@pytest.fixture(autouse=True)
def time_bound(request):
    """A hang is a failure with a traceback, not a stuck run."""
    mark = request.node.get_closest_marker("bound")
    seconds = mark.args[0] if mark else BOUND_S

    def late(_number, _frame):
        raise TimeoutError(f"the test took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def strict(request):
    """A running StrictApi; its documents must not have been violated when the test ends."""
    with strict_api.StrictApi("acme", strict_api.TOKEN) as api:
        yield api
        if not request.node.get_closest_marker("allow_violations"):
            api.assert_clean()
        if "make_daemon" in request.fixturenames and not request.node.get_closest_marker("rotates"):
            assert not api.state.counts["rotates"], "keys were rotated, and nobody had asked for it"


@pytest.fixture
def emulator():
    with harness.Emulator(token="emulator-token-" + "x" * 16) as running:
        yield running


@pytest.fixture
def make_daemon(request):
    """make_daemon(api_url, token, ...): a Daemon, not started; ended and removed with the test. Whatever
    the test was about, no secret may be left where none belongs: log, ledger, last good manifest."""
    made = []

    def make(*arguments, **options):
        made.append(harness.Daemon(*arguments, **options))
        return made[-1]

    yield make
    minted = request.getfixturevalue("strict").state.minted if "strict" in request.fixturenames else []
    for daemon in made:
        if getattr(request.node, "has_failed", False):
            print(f"--- end of {daemon.log_path} ---\n{daemon.tail(80)}")
        try:
            daemon.assert_files_hold_no_secrets([token["jwt"] for token in minted])
        finally:
            daemon.close()


@pytest.fixture
def daemon(strict, make_daemon):
    """A Daemon for the strict API, not started, that acts without delay."""
    config = {"reconcile": {"debounce": "10ms", "backoff": {"initial": "20ms", "max": "200ms"}}}
    (token,) = strict.tokens
    return make_daemon(strict.url, token, strict.state.organization, config)
