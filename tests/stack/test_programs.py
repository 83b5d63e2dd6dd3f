"""What runs, and how wide."""

import sys
from configparser import ConfigParser
from dataclasses import replace

from django.conf import settings

from livehub.stack.instance import Instance
from livehub.stack.programs import Program, programs, render_supervisor
from streams.livestreams.jobs_of_files import queue_of


def program(instance: Instance, name: str) -> Program:
    return next(each for each in programs(instance) if each.name == name)


def option(instance: Instance, name: str, flag: str) -> str:
    argv = program(instance, name).argv
    return argv[argv.index(flag) + 1]


def test_every_queue_that_tasks_are_sent_to_has_a_worker(instance: Instance) -> None:
    served = {option(instance, name, "--queue") for name in ("live", "urgent", "files")}

    sent_to = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    assert served == {settings.CELERY_TASK_DEFAULT_QUEUE, queue_of(instance.node), *sent_to}


def test_what_works_on_files_runs_where_they_are(instance: Instance) -> None:
    assert option(replace(instance, node="berlin-2"), "files", "--queue") == "files.berlin-2"


def test_what_works_on_files_can_be_ended_by_its_time_limit(instance: Instance) -> None:
    assert option(instance, "files", "--pool") == "prefork"


def test_a_slow_task_does_not_keep_encoders_from_being_cut(instance: Instance) -> None:
    assert int(option(instance, "urgent", "--slots")) >= 2


def test_every_program_of_ours_shows_that_it_lives(instance: Instance) -> None:
    sections = ConfigParser(interpolation=None)
    sections.read_string(render_supervisor(instance))

    watched = {each.name for each in programs(instance) if sections[f"program:{each.name}"]["environment"]}
    assert watched == {each.name for each in programs(instance) if sys.executable in each.argv}
