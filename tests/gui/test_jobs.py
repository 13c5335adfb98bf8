"""Jobs: progress, results, failures and cancelling, all heard in the GUI thread."""

from __future__ import annotations

import threading
import time

import pytest

from qinspect.engine.problem import Problem
from qinspect.gui.jobs import Failure, Jobs


@pytest.fixture
def jobs(qtbot):
    made = Jobs()
    yield made
    assert made.close()


def test_a_result_arrives_in_the_gui_thread(qtbot, jobs):
    heard = []
    job = jobs.start("adding", lambda report: (threading.current_thread().name, 1 + 1))
    job.done.connect(lambda value: heard.append((value, threading.current_thread() is threading.main_thread())))
    qtbot.waitUntil(lambda: bool(heard))
    ((worker, total), in_gui) = heard[0]
    assert total == 2
    assert worker.startswith("qinspect-job")
    assert in_gui


def test_progress_is_heard_at_most_twenty_times_a_second(qtbot, jobs):
    heard = []

    def work(report):
        stop = time.monotonic() + 0.5
        while time.monotonic() < stop:
            report(1, 2, "half")

    job = jobs.start("spinning", work)
    job.progress.connect(lambda *values: heard.append(values))
    with qtbot.waitSignal(job.done):
        pass
    assert 2 <= len(heard) <= 12
    share, note, _ = heard[0]
    assert (share, note) == (0.5, "half")


def test_cancelling_stops_the_work_at_its_next_report(qtbot, jobs):
    begun = threading.Event()

    def work(report):
        while True:
            begun.set()
            report(0, 1, "")
            time.sleep(0.001)

    job = jobs.start("endless", work)
    assert begun.wait(2)
    started = time.monotonic()
    with qtbot.waitSignal(job.cancelled, timeout=2000):
        job.cancel()
    assert time.monotonic() - started < 0.5
    assert jobs.idle


def test_a_job_that_waits_is_cancelled_without_running(qtbot, jobs):
    gate, ran = threading.Event(), []
    jobs.start("first", lambda report: gate.wait(5))
    second = jobs.start("second", lambda report: ran.append(1))
    with qtbot.waitSignal(second.cancelled):
        second.cancel()
    gate.set()
    qtbot.waitUntil(lambda: jobs.idle)
    assert ran == []


def test_one_job_runs_at_a_time_in_order(qtbot, jobs):
    order = []
    for name in "abc":
        jobs.start(name, lambda report, name=name: order.append(name))
    qtbot.waitUntil(lambda: jobs.idle)
    assert order == ["a", "b", "c"]


def test_a_problem_is_handed_on_and_other_exceptions_become_failures_with_a_traceback(qtbot, jobs):
    problem = Problem("here", "that is wrong", "Do this.")

    def known(report):
        raise problem

    def unknown(report):
        raise ZeroDivisionError("by nought")

    with qtbot.waitSignal(jobs.start("one", known).failed) as heard:
        pass
    assert heard.args == [problem]
    with qtbot.waitSignal(jobs.start("two", unknown).failed) as heard:
        pass
    failure = heard.args[0]
    assert isinstance(failure, Failure)
    assert failure.title == "two"
    assert failure.summary == "ZeroDivisionError: by nought"
    assert "Traceback" in failure.details


def test_closing_during_a_job_stops_it(qtbot):
    jobs = Jobs()
    stopped = threading.Event()

    def work(report):
        try:
            while True:
                report(0, 1, "")
                time.sleep(0.001)
        finally:
            stopped.set()

    jobs.start("endless", work)
    qtbot.wait(20)
    assert jobs.close()
    assert stopped.is_set()
    assert jobs.idle


def test_a_hundred_jobs_leave_nothing_behind(qtbot, jobs):
    for _ in range(100):
        jobs.start("nothing", lambda report: None)
    qtbot.waitUntil(lambda: jobs.idle)
    qtbot.wait(20)
    assert jobs.children() == []
