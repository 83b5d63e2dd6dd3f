"""What runs, and how wide."""

import sys
from configparser import ConfigParser
from dataclasses import replace

import pytest
from django.conf import settings

from livehub.core.jobs import queue_of
from livehub.stack.instance import Instance
from livehub.stack.programs import Program, programs, render_supervisor


def program(instance: Instance, name: str) -> Program:
    return next(each for each in programs(instance) if each.name == name)


def option(instance: Instance, name: str, flag: str) -> str:
    argv = program(instance, name).argv
    return argv[argv.index(flag) + 1]


def queues(instance: Instance, name: str) -> set[str]:
    return set(option(instance, name, "--queues").split(","))


@pytest.mark.parametrize("name", ["live", "urgent", "files"])
def test_what_only_one_node_can_do_goes_to_its_own_worker(instance: Instance, name: str) -> None:
    assert queue_of(name, node="berlin-2") in queues(replace(instance, node="berlin-2"), name)
    assert queue_of(name, node="berlin-2") not in queues(replace(instance, node="berlin-3"), name)


def test_what_any_node_can_do_has_a_worker_on_each(instance: Instance) -> None:
    assert settings.CELERY_TASK_DEFAULT_QUEUE in queues(instance, "urgent")
    assert "mail" in queues(instance, "files")
    assert queues(instance, "webhooks") == {"webhooks"}


def test_what_works_on_files_can_be_ended_by_its_time_limit(instance: Instance) -> None:
    assert option(instance, "files", "--pool") == "prefork"


def test_a_slow_task_does_not_keep_encoders_from_being_cut(instance: Instance) -> None:
    assert int(option(instance, "urgent", "--slots")) >= 2


def test_every_program_of_ours_shows_that_it_lives(instance: Instance) -> None:
    sections = ConfigParser(interpolation=None)
    sections.read_string(render_supervisor(instance))

    watched = {each.name for each in programs(instance) if sections[f"program:{each.name}"]["environment"]}
    assert watched == {each.name for each in programs(instance) if sys.executable in each.argv}
