"""What runs, and how wide."""

from livehub.stack.instance import Instance
from livehub.stack.programs import programs


def test_a_slow_task_does_not_keep_encoders_from_being_cut(instance: Instance) -> None:
    default = next(program for program in programs(instance) if program.name == "default")

    assert int(default.argv[default.argv.index("-c") + 1]) >= 2
